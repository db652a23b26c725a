// PostGraphile on the tables of the schema `peers`, with PostGIS, on a port of this machine.
//
//   node server.cjs PORT CONNECTION
//
// Lists are plain lists and not connections, which is its quicker way. Of graphile-postgis the
// plugins that show geometries are taken; the one for filters needs a package that is not published.
"use strict";

const { createServer } = require("node:http");
const { postgraphile } = require("postgraphile");
const { makePgService } = require("postgraphile/adaptors/pg");
const { grafserv } = require("postgraphile/grafserv/node");
const { PostGraphileAmberPreset } = require("postgraphile/presets/amber");

const [port, connectionString] = process.argv.slice(2);
const plugin = (name) => require(`graphile-postgis/plugins/${name}.js`);

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [
    plugin("codec").PostgisCodecPlugin,
    plugin("inflection").PostgisInflectionPlugin,
    plugin("detect-extension").PostgisExtensionDetectionPlugin,
    plugin("register-types").PostgisRegisterTypesPlugin,
    plugin("geometry-fields").PostgisGeometryFieldsPlugin,
  ],
  pgServices: [makePgService({ connectionString, schemas: ["peers"], poolConfig: { max: 10 } })],
  schema: {
    defaultBehavior:
      "-connection -resource:connection +list +resource:list +query:resource:list " +
      "+manyRelation:resource:list +queryField:resource:list -insert -update -delete",
  },
  grafserv: { watch: false, graphiql: false, maxRequestLength: 1_000_000 },
  grafast: { explain: false },
};

async function main() {
  const instance = postgraphile(preset);
  const server = createServer();
  server.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  await instance.createServ(grafserv).addTo(server);
  server.listen(Number(port), "127.0.0.1");
  if (process.env.PRINT_SCHEMA) {
    const { printSchema } = require("graphql");
    console.log(printSchema(await instance.getSchema()));
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
