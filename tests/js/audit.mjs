// Puts the audits of the package graphql-http to a server, and prints what came of each as JSON.

import { serverAudits } from "graphql-http";

const url = process.argv[2];
const told = [];
for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const { status, reason } = await audit.fn();
  told.push({ id: audit.id, name: audit.name, status, reason: reason ?? null });
}
console.log(JSON.stringify(told));
