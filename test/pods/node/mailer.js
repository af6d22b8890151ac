// A marketing program that mails with SendGrid's own SDK, and keeps what services tell it.
const http = require('http');
const mail = require('@sendgrid/mail');

mail.setApiKey(process.env.KEY);

const read = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

let calls = [];
http.createServer(async (request, response) => {
  calls.push({ path: request.url, headers: Object.keys(request.headers), body: await read(request) });
  response.end('seen');
}).listen(8080);

const send = async ({ subject, to }) => {
  try {
    const [response] = await mail.send({
      from: 'post@gartenhaus.example', subject, templateId: 'd-newsletter', personalizations: to.map((address) => ({ to: address })),
    });
    return { status: response.statusCode };
  } catch (e) {
    return { status: e.response ? e.code : 0, detail: e.toString() };
  }
};

// What only tests ask: to send, and what came since they asked last.
http.createServer(async (request, response) => {
  let answer = {};
  if (request.url === '/send') answer = await send(JSON.parse(await read(request)));
  if (request.url === '/calls') [answer, calls] = [{ calls }, []];
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(answer));
}).listen(8081);
