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
  let cache;
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
        resolvers: {
          Query: {
            units: (parent, given, store, info) => {
              cache = store;
              return relayPagination()(parent, given, store, info);
            },
          },
        },
      }),
      ...(persisted ? [persistedExchange({ preferGetForPersistedQueries: true })] : []),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: (console.error("SUB",query,variables),socket.subscribe({ query, variables }, {next(x){console.error("raw",JSON.stringify(x));sink.next(x)},error:sink.error,complete:sink.complete})) }),
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

    held: null,

    listen: (text, variables) =>
      queued((sink) =>
        client.subscription(gql(text), variables).subscribe(({ data, error }) =>
          error ? (console.error("EV",data,error), sink.error(error)) : (console.error("EV",data),sink.next(data)),
        ),
      ),

    close: () => socket.dispose(),
  };
}

function answer({ data, error }) {
  const errors = error?.graphQLErrors.map((one) => one.originalError ?? one) ?? [];
  return { data: data ?? null, errors: error?.networkError ? [String(error)] : errors };
}
