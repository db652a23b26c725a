"""Characters that most names of places are written with, in both scripts of Chinese."""

from __future__ import annotations

_SIMPLIFIED = (
    "镇街道乡区市山城北河县大族会委家东社新居西海南龙路庄桥村安江石场阳京处淀事办子口平辖马溪"
    "林里三水园兴湖店白中金关集高营沙塘木坪黄头田泉华长王古青永花上沟门和小农团岭双太尔五州苏"
    "湾拉地八克寨红台坝岗杨屯庙巴塔清张川堡天丰下万宁四乐云苗凤文二坊官源峰楼土院德宝彝罗港阿"
    "都寺开乌井达吉武回明布旗玉柳民合格十福前九铺自六治发隆树兰竹昌化铁建满滩李一七业光渡老陈"
    "潭松兵仁通勒坡洲牛经哈公义羊瑶洪工洞星临埠洋胜亭富梅济广池洛定曲陵学站依麻朝甘滨国仙日莲"
    "梁寿管温刘板郭峪利科桃春康普厂车圩香连夏岩周瓦牧旺辛赵观庆元浦蒙保扎风紫胡横号同草良秀柏"
    "百图玛鲁朱斯什房方甲理吴所黑唐力多景堂顺岔甸库谷特洼嘉墩来流盘英望固灵毛原后藏汉干丹角萨"
    "孜常虎赤茶果珠津曹岳苑韩荣坑音正卡热那泽汤孟郊加美孙心芦杜鹿嘎桂徐边军鱼人托月锦盐雅向佛"
    "泰第陶成燕博桑各联银黎屏丁蔡驿盛环远两界桐宜鹤峡蒲宋铜章火凰尼米局窑齐崇升旧复进底斗彦渠"
    "彭泥茅坨仓榆勐师钟涧留宫窝府阜皇油雄喀伊畲贤泗惠郑鸡当祥结务千亚信鼓沿岛尚盖朗纳贡堆姚汪"
    "查陂户霞神巷浪解其狮卫碧郎埔侗提左麦潘许雷崖放余堰季魏贾莫司思善设瑞生淮董范荷赛翠枫阁葛"
    "靖伦部吐磨航牌先波柯鲜交呼曙冯尖员段电任码名单备称级片址域姓属栋注组编网话责"
)
"""The 500 most frequent in the names of China's provinces, cities, districts and townships, and
those of usual columns; they are nine of ten characters in such names."""

_TRADITIONAL = (
    "區縣鄉東鎮園義彰興雲投栗蘭蓮龍寮豐頭內華橋基萬門鳳重樹長崙營莊澎頂後愛勢復厝壢國蘆鹽苓榮"
    "尾忠芳埤員岡臺樂士寶梓關龜佳壽楠汐止灣崎腳廣楊功股馬淡陽冬澳烏連雙份屋蘇孝觀羅慶裡寧順暖"
    "圍學螺霧埕峽潮溝朴茄錦崁濱獅間鶯賢館歸強霄立袋結堵嶼枋外行庫來湳墘廟誠眉延圳歌聖礁壇卓濃"
    "穗恆舊達本豆軍肚車番振權橫魚深竿亞倉倫備兩劉務勝吳單圖團場壩孫宮屬峯島崗嶺嶽巖師幹廠張彥"
    "戶會棟楓業樓湯溫滿漢澗澤澱濟灘熱爾瑤瑪環當發盤碼稱窩窪窯範紅納級組經網編聯臨蓋薩處號衛設"
    "許話貢責賈賽趙轄辦農進遠邊鄭銀銅鋪鍾鐵開閣陳雞電靈韓風餘馮驛鬥魯鮮鶴麥麴黃齊"
)
"""What those become in the traditional script, and the most frequent in the names of Taiwan's
villages and towns, where both lists are 97 of a hundred characters."""

EVERYDAY = frozenset(_SIMPLIFIED + _TRADITIONAL)
