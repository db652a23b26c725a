"""A file of a hundred thousand polygons, from disk into a database: beside ogr2ogr."""
