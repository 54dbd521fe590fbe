// A registry of npm's with one package, packed from a folder. Prints its address on loopback.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [folder, work] = process.argv.slice(2);
const said = execFileSync('npm', ['pack', folder, '--json', '--pack-destination', work], { cwd: work });
const { name, version, filename, integrity } = JSON.parse(said)[0];
const archive = readFileSync(join(work, filename));
const manifest = JSON.parse(readFileSync(join(folder, 'package.json')));

const server = createServer((request, response) => {
  const tarball = `http://127.0.0.1:${server.address().port}/archive.tgz`;
  const versions = { [version]: { ...manifest, dist: { tarball, integrity } } };
  if (request.url === '/archive.tgz') response.end(archive);
  else if (request.url === `/${name}`)
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }));
  else response.writeHead(404).end();
}).listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
