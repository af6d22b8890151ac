// The steps of ../README.md with SendGrid's own SDK.
const mail = require('@sendgrid/mail');
const client = require('@sendgrid/client');

const { ALLOWED, ALSO, REFUSED, NAME, KEY } = process.env;
mail.setApiKey(KEY);
client.setApiKey(KEY);

const message = (subject, personalizations) => ({
  from: 'post@gartenhaus.example', subject, templateId: 'd-newsletter', personalizations,
  trackingSettings: { openTracking: { enable: true }, clickTracking: { enable: true } },
});

// step prints what came of it. A failure is told as users of the SDK tell it: by code, and by what the error's toString makes of the body.
async function step(name, what) {
  try {
    const { status, detail } = await what();
    console.log(JSON.stringify({ step: name, status, detail }));
  } catch (e) {
    const body = e.response && e.response.body;
    console.log(JSON.stringify({ step: name, status: e.response ? e.code : 0, detail: JSON.stringify(body || e.code), shown: e.toString() }));
  }
}

const send = async (...args) => {
  const [response] = await mail.send(message(...args));
  return { status: response.statusCode, detail: response.headers['x-message-id'] ? 'message id' : '' };
};

(async () => {
  await step('send', () => send('news ' + NAME, [{ to: ALLOWED }, { to: REFUSED }, { to: [ALSO, REFUSED] }]));
  await step('batch', async () => {
    const [created, body] = await client.request({ method: 'POST', url: '/v3/mail/batch' });
    const [response] = await mail.send({ ...message('batch ' + NAME, [{ to: ALLOWED }]), batchId: body.batch_id });
    return { status: response.statusCode, detail: String(created.statusCode) };
  });
  await step('contacts', async () => {
    const [response, body] = await client.request({ method: 'GET', url: '/v3/marketing/contacts' });
    return { status: response.statusCode, detail: JSON.stringify(body) };
  });
  await step('refused', () => send('refused ' + NAME, [{ to: REFUSED }]));
  await step('complaint', async () => {
    const { from, ...rest } = message('complaint ' + NAME, [{ to: ALLOWED }]);
    const [response] = await mail.send(rest);
    return { status: response.statusCode };
  });
  await step('undeclared', async () => {
    const [response] = await client.request({ method: 'GET', url: '/v3/api_keys' });
    return { status: response.statusCode };
  });
  await step('busy', () => send('busy once ' + NAME, [{ to: ALLOWED }]));
  await step('busy', () => send('busy once ' + NAME, [{ to: ALLOWED }]));
  await step('lost', () => send('lost once ' + NAME, [{ to: ALLOWED }]));
})();
