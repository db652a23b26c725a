// urql with its normalised cache, set up as docs/frontend.md says.

import { Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";
import { persistedExchange } from "@urql/exchange-persisted";
import { introspectionFromSchema } from "graphql";
import { createClient } from "graphql-ws";

import { queued } from "./queue.mjs";
import { parts, schema } from "./schema.mjs";

export function connect({ address, key, fetch, persisted = false }) {
  const url = `${address}/graphql`;
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  const socket = createClient({ url: url.replace("http", "ws"), connectionParams: headers });
  const client = new Client({
    url,
    fetch,
    fetchOptions: { headers },
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        schema: introspectionFromSchema(schema),
        keys: {
          ...Object.fromEntries(parts.map((type) => [type, () => null])),
          Level: ({ key: name }) => name,
        },
        resolvers: { Query: { units: relayPagination() } },
      }),
      ...(persisted ? [persistedExchange({ preferGetForPersistedQueries: true })] : []),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });

  return {
    query: async (text, variables) => answer(await client.query(gql(text), variables)),
    change: async (text, variables) => answer(await client.mutation(gql(text), variables)),

    async pages(text, variables) {
      const document = gql(text);
      let { data } = await client.query(document, variables);
      while (data.units.pageInfo.hasNextPage) {
        const after = data.units.pageInfo.endCursor;
        ({ data } = await client.query(document, { ...variables, after }));
      }
      return data;
    },

    cached: async (text, variables) =>
      answer(await client.query(gql(text), variables, { requestPolicy: "cache-only" })),

    listen: (text, variables) =>
      queued((sink) =>
        client.subscription(gql(text), variables).subscribe(({ data, error, hasNext }) => {
          if (error) sink.error(error);
          else if (hasNext) sink.next(data);
          else sink.complete(); // with the last data once more
        }),
      ),

    close: () => socket.dispose(),
  };
}

function answer({ data, error }) {
  const errors = error?.graphQLErrors.map((one) => one.originalError ?? one) ?? [];
  return { data: data ?? null, errors: error?.networkError ? [String(error)] : errors };
}
