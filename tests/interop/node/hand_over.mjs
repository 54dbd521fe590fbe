// usage: hand_over.mjs SCRIPT: a launcher that starts it on its own stdin and stdout and exits with 0, as some wrappers
// around `bun run` and their like do.
import { spawn } from 'node:child_process';

spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit', detached: true }).unref();
