/** The verdict table as Markdown: a row for each test, and the recovery time over all stops that nobody had planned. */
const FILES = ['first-day', 'pods', 'nodes', 'lost-nodes', 'store', 'volumes', 'clients'];

export function verdictTable(unsorted) {
  const rows = unsorted.toSorted((a, b) => FILES.indexOf(a.file) - FILES.indexOf(b.file));
  const lines = rows.map((row) => {
    const failed = row.failed === undefined ? '' : `${row.failed}${row.failedPlain ? ` (+${row.failedPlain} ordinary)` : ''}`;
    return [row.test, row.kind === 'other' ? '' : row.kind, row.result, failed, row.acknowledged ?? '', seconds(row.worstPauseMs), row.note ?? ''];
  });
  const head = ['test', 'stop', 'result', 'failed sends', 'acknowledged, read back', 'longest pause', 'note'];
  const pauses = rows.filter((row) => row.kind === 'unplanned' && row.result === 'ok').map((row) => row.worstPauseMs);
  const summary = pauses.length === 0 ? [] : ['', `Unplanned stops: recovery ${seconds(median(pauses))} (median), ${seconds(Math.max(...pauses))} (worst) of ${pauses.length}.`];
  const bad = rows.filter((row) => row.result !== 'ok').length;
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
    ...summary,
    '',
    `${rows.length - bad} ok, ${bad} failed.`,
    '',
  ].join('\n');
}

function seconds(ms) {
  return ms === undefined ? '' : `${(ms / 1_000).toFixed(1)} s`;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
