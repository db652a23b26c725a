// What a page of planners does in an hour, by any client, and what came of it as JSON:
//
//     node journey.mjs CLIENT ADDRESS KEY FILE UNIT
//
// CLIENT is a module beside this one (apollo, urql). FILE holds the grids of the community UNIT, to be
// imported and published. Whether the answers are right is judged outside.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const [name, address, key, file, community] = process.argv.slice(2);
const { connect } = await import(`./${name}.mjs`);
const PAGE = 7;

/** What went over the wire: every request, in order. */
const sent = [];
async function recorded(input, init) {
  const url = new URL(input);
  const asked = url.searchParams.size ? Object.fromEntries(url.searchParams) : init.body;
  const said = typeof asked === "string" ? JSON.parse(asked) : asked;
  const form = said instanceof FormData;
  const response = await fetch(input, init);
  sent.push({
    method: init.method ?? "GET",
    operation: form ? JSON.parse(said.get("operations")).operationName : said.operationName,
    text: !form && typeof said.query === "string",
    hash: !form && said.extensions !== undefined,
    status: response.status,
    type: response.headers.get("content-type"),
    etag: response.headers.get("etag"),
  });
  return response;
}

/** What is done without and with a key, since caches belong to who asks. */
const open = (given) => connect({ address, fetch: recorded, ...given });
const told = {};

const GRID = `fragment Grid on Unit { id code name level { key name } }`;

// --- queries with variables and fragments, one thing in the cache however often it is asked for

const reader = open({});
const first = await reader.query(
  `query First($level: String!, $code: String!) {
    unit(level: $level, code: $code) { ...Grid households labelPoint }
  }
  ${GRID}`,
  { level: "grid", code: `${community}001` },
);
const [lon, lat] = first.data.unit.labelPoint.coordinates;
const where = await reader.query(
  `query Where($point: PointInput!) {
    placeAt(point: $point) { onBorder units { ...Grid parent { id name } } }
  }
  ${GRID}`,
  { point: { lon, lat } },
);
await reader.query(
  `query Again($ids: [ID!]!) { nodes(ids: $ids) { id ... on Unit { areaM2 } ... on Edition { number } } }`,
  { ids: [first.data.unit.id] },
);
told.first = first.data.unit;
told.where = where.data.placeAt;
// three questions told of one unit: together they answer a fourth, which is not sent
told.cached = await reader.cached(
  `query Fourth($level: String!, $code: String!) {
    unit(level: $level, code: $code) { id code households areaM2 parent { name } level { key } }
  }`,
  { level: "grid", code: `${community}001` },
);

// --- all pages of a list

const pages = await reader.pages(
  `query Pages($first: Int!, $after: String) {
    units(level: "grid", first: $first, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges { cursor node { ...Grid } }
    }
  }
  ${GRID}`,
  { first: PAGE },
);
told.pages = {
  codes: pages.units.edges.map((edge) => edge.node.code),
  total: pages.units.totalCount,
  asked: sent.filter((request) => request.operation === "Pages").length,
};

// --- queries by their hash

const hashed = open({ persisted: true });
const QUESTION = `query Hashed($code: String!) { unit(level: "community", code: $code) { id name } }`;
const before = sent.length;
told.hashed = [
  (await hashed.query(QUESTION, { code: community })).data,
  (await open({ persisted: true }).query(QUESTION, { code: community })).data,
];
told.persisted = sent.slice(before);

// --- what fails has a code, and what stands beside it is answered

const failing = `query Failing { levels { key } units(level: "community", first: 100000) { totalCount } }`;
told.tooMany = await reader.query(failing, {});
told.noKey = await reader.query(`query NoKey { drafts { totalCount } }`, {});
told.wrong = await reader.query(`query Wrong { unit(level: "grid") { id } }`, {});
told.badKey = await open({ key: "wg_made_up" }).query(`query BadKey { levels { key } }`, {});

// --- a file, its progress, and the edition that others hear of

const editor = open({ key });
const newest = `query Newest { editions(first: 1) { nodes { id number } } }`;
const since = (await editor.query(newest, {})).data.editions.nodes[0].number;
const published = reader.listen(
  `subscription Published($since: Int!) {
    published(since: $since, level: "grid") {
      id number note levels { key } changes(level: "grid") { renamed unchanged }
    }
  }`,
  { since },
);
const heard = published.next();
const ticket = crypto.randomUUID();
const progress = editor.listen(
  `subscription Progress($ticket: ID!) { importProgress(ticket: $ticket) { stage draft { id } } }`,
  { ticket },
);
const stages = (async () => {
  const seen = [];
  for await (const { importProgress } of progress) seen.push(importProgress);
  return seen;
})();

const upload = await editor.change(
  `mutation Import($file: Upload!, $within: UnitRef!, $ticket: ID!) {
    importBoundaries(file: $file, level: "grid", within: $within, ticket: $ticket) {
      id status
      source { file format featureCount }
      report { clean }
      changes { renamed unchanged }
    }
  }`,
  {
    file: new File([await readFile(file)], basename(file), { type: "application/geo+json" }),
    within: { level: "community", code: community },
    ticket,
  },
);
told.upload = upload.data.importBoundaries;
told.stages = await stages;
const publish = await editor.change(
  `mutation Publish($ids: [ID!]!) { publishDrafts(ids: $ids, note: "by ${name}") { id number } }`,
  { ids: [told.upload.id] },
);
told.published = publish.data.publishDrafts;
told.heard = (await heard).value;
told.since = since;
await published.return();

// --- the same question is now another unit; the old one can still be looked at

const renewed = await reader.query(
  `query Renewed($code: String!, $old: ID!) {
    unit(level: "grid", code: $code) { ...Grid }
    node(id: $old) { id ... on Unit { name until { id number } } }
  }
  ${GRID}`,
  { code: `${community}001`, old: first.data.unit.id },
);
told.renewed = renewed.data;
told.sent = sent;

console.log(JSON.stringify(told));
for (const client of [reader, editor]) await client.close();
