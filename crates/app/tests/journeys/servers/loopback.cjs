// Preload for servers that listen on every address: this makes it 127.0.0.1, and prints the port that was given.
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port === 'number' || /^\d+$/.test(port)) {
    const done = rest.filter(argument => typeof argument === 'function');
    this.once('listening', () => console.error(`listening on port ${this.address().port}`));
    return listen.call(this, { port: Number(port), host: '127.0.0.1' }, ...done);
  }
  return listen.call(this, port, ...rest);
};
