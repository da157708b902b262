// Writes usage until it is killed: as many rows at once as told, each time one allocation more for each of them.
import { argv, stdout } from 'node:process';
import { SqliteDatabase } from '../../dist/store/sqlite/sqlite-database.js';

const database = new SqliteDatabase(argv[2]);
const counts = { fromClientBytes: 1, fromClientPackets: 1, toClientBytes: 1, toClientPackets: 1, allocations: 1 };
const rows = Array.from({ length: Number(argv[3]) }, (_, i) => ({
  day: '2026-11-23',
  key: 'app',
  user: `u${i}`,
  label: '',
  ...counts,
}));
for (let written = 1; ; written++) {
  database.addUsage(rows);
  stdout.write(`written ${written}.\n`);
}
