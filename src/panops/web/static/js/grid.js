// How many columns and rows show all tiles as large as can be.

/** For `count` tiles of 16:9 in a box of `width` by `height` px with `gap` px between them. */
export function bestGrid(count, width, height, gap) {
  let best = { columns: 1, rows: count, tile: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * (16 / 9));
    if (tile > best.tile) best = { columns, rows, tile };
  }
  return best;
}
