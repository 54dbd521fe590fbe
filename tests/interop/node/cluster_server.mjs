// A server with a cluster whose workers live on: they mind neither SIGTERM nor the end of their primary.
import cluster from 'node:cluster';
import { serve } from './serve.mjs';

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
  serve('cluster');
} else {
  process.on('SIGTERM', () => {});
  cluster.worker.exitedAfterDisconnect = true; // else it would exit with its primary
  setTimeout(() => {}, 300_000);
}
