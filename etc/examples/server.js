// A worker of Node's cluster: it knows nothing of rota.
'use strict';
const http = require('http');
let usersCount = 'none';

process.on('message', (message) => {
	if (message && message.usersCount !== undefined)
		usersCount = message.usersCount;
});

http.createServer((request, response) => {
	response.end(`Handled by process ${process.pid}.\n` +
		`Cached value: ${usersCount}\n`);
}).listen(process.env.PORT || 7000, () => {
	if (process.send)	// for PM2's wait_ready
		process.send('ready');
});
