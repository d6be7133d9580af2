/** What a queue remembers of an item: when it is to be looked at. Infinity: it is not in the queue. */
export interface Scheduled {
  checkAt: number;
}

/**
 * Which items have a deadline that may have come, without looking at all of them: a binary heap of the instants at
 * which each is to be looked at. A deadline that moves later, as one of silence does with every byte heard, costs
 * nothing until the old instant comes; one that moves earlier is entered again, and its old entry is dropped when met.
 */
export class DeadlineQueue<T extends Scheduled> {
  #heap: { readonly at: number; readonly item: T }[] = [];

  /** The instant at which `takeDue` has something to do at the earliest; Infinity: never. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Has the item looked at by `at`; an earlier appointment stands. */
  schedule(item: T, at: number): void {
    if (at >= item.checkAt || at === Number.POSITIVE_INFINITY) return;
    item.checkAt = at;
    const heap = this.#heap;
    heap.push({ at, item });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= at) break;
      this.#swap(parent, child);
      child = parent;
    }
  }

  /** Removes and answers one item whose instant has come; undefined: none. Its deadline may have moved meanwhile. */
  takeDue(now: number): T | undefined {
    while (this.next <= now) {
      const { at, item } = this.#pop();
      if (item.checkAt !== at) continue;
      item.checkAt = Number.POSITIVE_INFINITY;
      return item;
    }
    return undefined;
  }

  /** Nothing of the item is kept, even where its instant is far away. */
  forget(item: T): void {
    // a sorted list is a heap
    this.#heap = this.#heap.filter((entry) => entry.item !== item).sort((a, b) => a.at - b.at);
    item.checkAt = Number.POSITIVE_INFINITY;
  }

  #pop(): { readonly at: number; readonly item: T } {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child;
      if (least === parent) return top;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  }
}
