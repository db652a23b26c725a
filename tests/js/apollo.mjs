// Apollo Client, set up as docs/frontend.md says.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import UploadHttpLink from "apollo-upload-client/UploadHttpLink.mjs";
import { createHash } from "node:crypto";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { filter, firstValueFrom } from "rxjs";

import { queued } from "./queue.mjs";
import { nodes } from "./schema.mjs";

/** What tells one list of units from another: all arguments but `first` and `after`. */
const LISTS = ["level", "within", "codes", "bbox", "datum", "search", "properties", "asOf"];

export function connect({ address, key, fetch, persisted = false }) {
  const uri = `${address}/graphql`;
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const http = persisted
    ? new PersistedQueryLink({
        sha256: (text) => createHash("sha256").update(text).digest("hex"),
        useGETForHashedQueries: true,
      }).concat(new HttpLink({ uri, headers, fetch }))
    : new UploadHttpLink({ uri, headers, fetch });
  const socket = createClient({ url: uri.replace("http", "ws"), connectionParams: headers });
  const cache = new InMemoryCache({
    possibleTypes: { Node: nodes },
    typePolicies: {
      Level: { keyFields: ["key"] },
      Query: { fields: { units: relayStylePagination(LISTS) } },
    },
  });
  const client = new ApolloClient({
    cache,
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      http,
    ),
    defaultOptions: { query: { errorPolicy: "all" }, mutate: { errorPolicy: "all" } },
  });

  return {
    query: async (text, variables) =>
      answer(await client.query({ query: gql(text), variables })),

    change: async (text, variables) =>
      answer(await client.mutate({ mutation: gql(text), variables })),

    async pages(text, variables) {
      const query = gql(text);
      const list = client.watchQuery({ query, variables });
      const shown = list.subscribe(() => {});
      const whole = list.pipe(filter(({ dataState }) => dataState === "complete"));
      let { data } = await firstValueFrom(whole);
      while (data.units.pageInfo.hasNextPage) {
        const { endCursor: after } = data.units.pageInfo;
        ({ data } = await list.fetchMore({ variables: { after } }));
      }
      shown.unsubscribe();
      return client.readQuery({ query, variables });
    },

    cached: async (text, variables) =>
      answer(await client.query({ query: gql(text), variables, fetchPolicy: "cache-only" })),

    listen: (text, variables) =>
      queued((sink) =>
        client.subscribe({ query: gql(text), variables }).subscribe({
          next: ({ data, error }) => (error ? sink.error(error) : sink.next(data)),
          error: sink.error,
          complete: sink.complete,
        }),
      ),

    async close() {
      client.stop();
      await socket.dispose();
    },
  };
}

/** Return data and the errors, as the service said them, that stand beside them. */
function answer({ data, error }) {
  const errors = CombinedGraphQLErrors.is(error) ? error.errors : error ? [String(error)] : [];
  return { data: data ?? null, errors };
}
