// Preload for the suite, whose mock servers listen on every address: this makes it 127.0.0.1.
//
// It wraps the step after the look-up of the host's name, because the mocks read their port before one would end.
const { Server } = require('node:net');
const listen = Server.prototype._listen2;
Server.prototype._listen2 = function (address, port, family, ...rest) {
  return address ? listen.call(this, address, port, family, ...rest) : listen.call(this, '127.0.0.1', port, 4, ...rest);
};
