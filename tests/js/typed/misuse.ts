// What must not compile: were the generated types `any`, these lines would, and be errors themselves.

import { gridsOf } from "./grids";
import { graphql } from "./gql";
import type { LevelsQuery, UnitQueryVariables } from "./gql/graphql";

// @ts-expect-error - a code is text
void gridsOf(999);

export function keys(answer: LevelsQuery): string[] {
  // @ts-expect-error - levels have a key, and no kee
  return answer.levels.map((level) => level.kee);
}

// @ts-expect-error - the id is missing
export const variables: UnitQueryVariables = {};

// @ts-expect-error - a name is no number
export const tiling: (answer: LevelsQuery) => number = (answer) => answer.levels[0]?.tiling;

graphql(`
  query Levels { levels { key name tiling unitCount } }
`);
