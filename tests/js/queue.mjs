// What is pushed, to be pulled: `for await` over a subscription of any client.

export async function* queued(subscribe) {
  const waiting = [];
  let ended = false;
  let failure = null;
  let wake = () => {};
  const end = (error) => {
    [ended, failure] = [true, error ?? failure];
    wake();
  };
  const subscription = subscribe({
    next: (value) => {
      waiting.push(value);
      wake();
    },
    error: end,
    complete: () => end(),
  });
  try {
    for (;;) {
      while (waiting.length) yield waiting.shift();
      if (failure) throw failure;
      if (ended) return;
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    subscription.unsubscribe();
  }
}
