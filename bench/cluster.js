// The worker of `make bench` in Node's cluster: the same answer as rota-http.
'use strict';
const cluster = require('cluster');
const http = require('http');

if (cluster.isPrimary || cluster.isMaster) {
	for (let i = 0; i < Number(process.argv[2]); i++)
		cluster.fork();
	cluster.once('listening', (worker, address) =>
		console.log(`port ${address.port}`));
} else {
	http.createServer((request, response) => {
		const body = `Handled by process ${process.pid}.\n` +
			'Cached value: none\n';
		response.setHeader('Content-Length', Buffer.byteLength(body));
		response.end(body);
	}).listen(Number(process.env.ROTA_BENCH_PORT) || 0, '127.0.0.1');
}
