// A program for Node's cluster, for t/node.sh: it does not know rota.
//	LISTEN		JSON: a list of what listen() is called with
//	MOST		server.maxConnections
//	DROP		server.dropMaxConnection, if set
//	KEEP		server.keepAliveTimeout, in ms
//	READY_AFTER	says "ready" so many ms after it listens
//	FAIL_AFTER	ends with status 3 so many ms after it listens
// Messages: {"close":0} closes the first of its servers, {"listen":0} has it
// listen again.
'use strict';
const cluster = require('cluster');
const dgram = require('dgram');
const fs = require('fs');
const http = require('http');
const listen = JSON.parse(process.env.LISTEN || `[${process.env.PORT}]`);
let cached = 'none';
const servers = [];
let waiting = listen.length;

process.on('message', (message) => {
	if (message && message.usersCount !== undefined) {
		cached = message.usersCount;
	} else if (message && message.close !== undefined) {
		servers[message.close].close();
		process.send({ closed: message.close });
	} else if (message && message.listen !== undefined) {
		servers[message.listen].listen(listen[message.listen],
			() => process.send({ listens: message.listen }));
	} else {
		process.send({ got: message, pid: process.pid });
	}
});

// Open all descriptors that there are, for a while.
function fill(ms) {
	const open = [];

	try {
		for (;;)
			open.push(fs.openSync('/dev/null'));
	} catch (e) {
		process.send({ full: e.code, ms });
	}
	setTimeout(() => open.forEach((fd) => fs.closeSync(fd)), ms);
}

// On the channel itself, past Node.
function garbage() {
	fs.writeSync(3, Buffer.from([0x7b, 0, 0xff, 0xc0, 0x0a, 0x0a]));
	fs.writeSync(3, '['.repeat(5000) + '\n');
	fs.writeSync(3, '{"cmd":"NODE_HANDLE_ACK"}\n');
	fs.writeSync(3, '{"cmd":"NODE_CLUSTER","ack":999999,' +
		'"accepted":true}\n{"cmd":"NODE_CLUSTER","act":"close",' +
		'"key":"63"}\n');
}

function answer(request, response) {
	const body = `Handled by process ${process.pid}.\n` +
		`Cached value: ${cached}\n`;
	const actions = {
		'/leave': () => cluster.worker.disconnect(),
		'/hangup': () => process.disconnect(),
		'/kill': () => cluster.worker.kill(),
		'/garbage': garbage,
		'/half': () => fs.writeSync(3, '{"half":'),
		'/throw': () => setImmediate(() => { throw new Error('x'); }),
	};
	const end = () => response.end(body);
	const match = /^\/slow\/([0-9]+)/.exec(request.url);
	const full = /^\/fill\/([0-9]+)/.exec(request.url);

	response.setHeader('Content-Length', Buffer.byteLength(body));
	if (match) {
		process.send({ slow: Number(match[1]) });
		setTimeout(end, Number(match[1]));
	} else {
		end();
	}
	if (full)
		fill(Number(full[1]));
	if (actions[request.url])
		actions[request.url]();
}

function listening(address) {
	process.send({ address, id: cluster.worker && cluster.worker.id });
	if (--waiting > 0)
		return;
	if (process.env.READY_AFTER)
		setTimeout(() => process.send('ready'),
			Number(process.env.READY_AFTER));
	if (process.env.FAIL_AFTER)
		setTimeout(() => process.exit(3),
			Number(process.env.FAIL_AFTER));
}

for (const where of listen) {
	if (where && where.udp !== undefined) {
		const socket = dgram.createSocket('udp4');
		socket.on('message', (m, from) => socket.send(
			`${process.pid}\n`, from.port, from.address));
		socket.on('error', (e) =>
			process.send({ error: e.code, where }));
		socket.bind(where.udp, '127.0.0.1', () =>
			listening(socket.address()));
		continue;
	}
	const server = http.createServer(answer);
	server.on('error', (e) => process.send({ error: e.code, where }));
	if (process.env.MOST)
		server.maxConnections = Number(process.env.MOST);
	if (process.env.KEEP)
		server.keepAliveTimeout = Number(process.env.KEEP);
	server.dropMaxConnection = process.env.DROP !== undefined;
	server.listen(where, () => listening(server.address()));
	servers.push(server);
}
