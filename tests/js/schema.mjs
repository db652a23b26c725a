// What clients have to know of the schema beforehand: read from the printed one.

import { readFileSync } from "node:fs";
import { buildSchema, isObjectType } from "graphql";

const text = readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8");
export const schema = buildSchema(text);

/** Names of the types behind the interface Node. */
export const nodes = schema.getPossibleTypes(schema.getType("Node")).map((type) => type.name);

/** Names of the types without an id, which belong to what they stand in. */
export const parts = Object.values(schema.getTypeMap())
  .filter((type) => isObjectType(type) && !type.name.startsWith("__") && !type.getFields().id)
  .map((type) => type.name);
