"""Pure geometry and graphs: arrays in, arrays out; no I/O, no SQL, no GraphQL, no clock."""

from geo.kernel_cache import choose_folder

choose_folder()
