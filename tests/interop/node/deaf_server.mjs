// A server that minds neither the end of its input nor SIGTERM, as some in the field do.
import { serve } from './serve.mjs';

process.on('SIGTERM', () => {});
setInterval(() => {}, 1000);
serve('deaf');
