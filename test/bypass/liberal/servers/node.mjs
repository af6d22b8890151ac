// The liberal service with Node's http server. See ../doc.go for what it stands for.
import { readFileSync } from 'node:fs'
import http from 'node:http'
import zlib from 'node:zlib'

const { house, people, flows } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const allHeaders = (req, name) => req.rawHeaders.filter((_, i) => i % 2 === 1 && req.rawHeaders[i - 1].toLowerCase() === name)
const last = (list) => (list.length ? list[list.length - 1] : '')

function unescapeText(text) {
  const bytes = []
  for (let i = 0; i < text.length; i++) {
    const hex = text.slice(i + 1, i + 3)
    if (text[i] === '%' && /^[0-9a-f]{2}$/i.test(hex)) {
      bytes.push(parseInt(hex, 16))
      i += 2
    } else bytes.push(text.charCodeAt(i) & 0xff)
  }
  return Buffer.from(bytes).toString('latin1').replaceAll('\xc0\xae', '.').replaceAll('\xc0\xaf', '/')
}

function normal(path) {
  path = unescapeText(unescapeText(path)).split('\0')[0].replaceAll('\\', '/').toLowerCase()
  const out = []
  for (let s of path.split('/')) {
    s = s.split(';')[0].trim()
    if (s === '..') out.pop()
    else if (s !== '' && s !== '.') out.push(s.replace(/[. ]+$/, ''))
  }
  return '/' + out.join('/')
}

function parameters(query, raw) {
  for (const part of raw.split(/[&;]/)) {
    if (part === '') continue
    const at = part.indexOf('=')
    const [k, v] = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
    query[unescapeText(k.replaceAll('+', ' ')).trim().toLowerCase().replace(/\[\]$/, '')] = unescapeText(v.replaceAll('+', ' '))
  }
}

function utf7(text) {
  return text.replace(/\+([A-Za-z0-9+/]*)-?/g, (_, run) => (run === '' ? '+' : Buffer.from(run, 'base64').swap16().toString('utf16le')))
}
const toUTF7 = (text) =>
  text.replace(/[^A-Za-z0-9]/gu, (c) => '+' + Buffer.from(c, 'utf16le').swap16().toString('base64').replace(/=+$/, '') + '-')

// What a request says about its body is undone.
function text(req, body) {
  try {
    const coding = last(allHeaders(req, 'content-encoding')).toLowerCase()
    if (coding === 'gzip' || coding === 'x-gzip') body = zlib.gunzipSync(body)
    if (coding === 'deflate') body = zlib.inflateSync(body)
    if (coding === 'br') body = zlib.brotliDecompressSync(body)
  } catch { /* it is read as it came */ }
  const charset = (/charset=\s*"?([^";\s]+)/i.exec(last(allHeaders(req, 'content-type'))) ?? ['', ''])[1].toLowerCase()
  if (charset === 'utf-7') return utf7(body.toString('latin1'))
  if (charset === '' && last(allHeaders(req, 'content-type')).includes('form')) return body.toString('utf8')
  if (body.length > 1 && (body[0] === 0 || (body[0] === 0xfe && body[1] === 0xff))) return Buffer.from(body.subarray(0, body.length & ~1)).swap16().toString('utf16le')
  if (charset.startsWith('utf-16') || body[1] === 0) return body.toString('utf16le')
  return body.toString('utf8')
}

function looseJSON(text) {
  text = text.replace(/^\ufeff/, '')
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*(\/\/|#).*$/gm, '').replace(/,\s*([}\]])/g, '$1').replace(/:(NaN|Infinity|undefined)/g, ':null')
  for (const form of [text, plain, plain.includes('"') ? plain : plain.replaceAll("'", '"')]) {
    // The first value counts, whatever follows it.
    for (let end = form.length; end > 0; end = form.lastIndexOf('}', end - 1)) {
      try {
        return JSON.parse(form.slice(0, end === form.length ? end : end + 1))
      } catch { /* a shorter one may do */ }
    }
  }
  return undefined
}

const addresses = (t) => t.match(/[\w.+-]+@[\w.-]+/g) ?? []

function reached(v, listed) {
  if (typeof v === 'string') return listed ? addresses(v) : []
  if (Array.isArray(v)) return v.flatMap((x) => reached(x, listed))
  if (v === null || typeof v !== 'object') return []
  return Object.entries(v).flatMap(([name, x]) => {
    if (['to', 'cc', 'bcc', 'email', 'address'].includes(name.toLowerCase())) return reached(x, true)
    return typeof x === 'string' ? [] : reached(x, false)
  })
}

function send(req, q) {
  let kind, to
  if (q.form) {
    kind = q.query.template_id
    to = addresses(q.query.to ?? '')
  } else {
    const m = looseJSON(q.text)
    if (m === null || typeof m !== 'object') return { status: 400, body: '{"error":"no message"}' }
    kind = m.template_id
    to = [m.personalizations, m.to, m.cc, m.bcc].flatMap((x) => reached(x, true))
  }
  if (q.path === '/v3/mail/queue') kind = q.query.kind
  if (q.path === '/v3/mail/submit') kind = last(allHeaders(req, 'x-mail-kind'))
  if (kind === 'd-invoice') kind = 'invoice'
  process.stdout.write(JSON.stringify({ attack: last(allHeaders(req, 'x-attack')), kind: String(kind), to }) + '\n')
  return { status: 202, body: '{"accepted":true}' }
}

function admin(req) {
  const names = ['host', 'x-forwarded-host', 'x-host', 'x-original-host', 'x-forwarded-server'].flatMap((h) => allHeaders(req, h))
  for (const f of allHeaders(req, 'forwarded')) names.push((/host="?([^";,\s]+)/i.exec(f) ?? ['', ''])[1])
  return names.some((n) => n.toLowerCase().startsWith('admin.'))
}

const whole = (t, or, most) => (/^\d+$/.test(t ?? '') ? Math.min(Number(t), most) : or)
const listed = (records, page) => `{"customers":[${records.join(',')}],"page":${page},"total":${house.total}}`
const records = people.map((p) => JSON.stringify(p.record))
const everything = '[' + records.slice(0, 30).join(',') + ']'

// find gives the personal answer of a path, undefined for none, or null for somebody who is not there.
function find(q) {
  const page = whole(q.query.page, 0, 10000)
  switch (q.path) {
    case '/v1/customers': case '/v1/contacts': case '/v1/search': {
      const mail = q.query.email
      if (mail) return listed(records.filter((_, i) => people[i].mail.toLowerCase() === mail.toLowerCase()), page)
      const size = Math.max(1, whole(q.query.per_page, 12, 300))
      const from = ((q.path === '/v1/search' ? whole(String(looseJSON(q.text)?.page), 0, 10000) : page) * size) % people.length
      return listed(records.slice(from, from + size), page)
    }
    case '/v1/table': {
      const from = (page * 12) % people.length
      const rows = people.slice(from, from + 12).map((p) => [p.record.email ?? null, p.record.name, p.record.health])
      return `{"columns":["email","name","health"],"rows":${JSON.stringify(rows)}}`
    }
    case '/v1/lines': case '/v1/events': case '/v1/sheet': {
      const flow = flows[q.path]
      q.type = flow.type
      q.piece = 1 + ((page * 37) % 400)
      return flow.bodies[page % flow.bodies.length]
    }
    case '/v1': case '/': case '/v1/export': case '/v1/reports':
      return everything
  }
  for (const [prefix, field] of [['/v1/customers/', 'id'], ['/v1/people/', 'mail']]) {
    if (!q.path.startsWith(prefix)) continue
    const i = people.findIndex((p) => p[field].toLowerCase() === q.path.slice(prefix.length))
    return i < 0 ? null : records[i]
  }
  return undefined
}

function personal(req, res, q, body) {
  const asked = (name) => last(allHeaders(req, name)).toLowerCase()
  res.writeEarlyHints({ link: `</v1/customers?after=${house.hint}>; rel=preload` })
  const head = {
    Link: `</v1/customers?after=${house.link}>; rel="next"`, ETag: `"${house.etag}"`, 'X-Total-Count': String(house.total),
    'Last-Modified': 'Mon, 02 Mar 2026 10:00:00 GMT', 'Accept-Ranges': 'bytes',
  }
  if (asked('x-debug')) Object.assign(head, { 'X-Debug-Record': house.debug, 'Content-Location': '/v1/people/' + house.debug, 'Set-Cookie': 'last=' + house.debug })
  const match = asked('if-none-match')
  if (match === '*' || match.includes(house.etag) || asked('if-modified-since')) return res.writeHead(304, head).end()
  let type = q.type ?? 'application/json'
  const accept = asked('accept')
  if (q.query.callback) [type, body] = ['application/javascript', `${q.query.callback}(${body})`]
  else if (accept.includes('html')) [type, body] = ['text/html', `<pre>${body}</pre>`]
  else if (accept.includes('csv')) [type, body] = ['text/csv', '"' + body.replaceAll('"', '""') + '"']
  else if (accept.includes('event-stream')) [type, body] = ['text/event-stream', `data: ${body}\n\n`]
  else if (accept.includes('problem')) type = 'application/problem+json'
  const charset = accept + asked('accept-charset')
  let data = Buffer.from(body)
  if (charset.includes('utf-16')) [type, data] = [type + '; charset=utf-16le', Buffer.from(body, 'utf16le')]
  else if (charset.includes('utf-7')) [type, data] = [type + '; charset=utf-7', Buffer.from(toUTF7(body))]
  const coding = asked('accept-encoding')
  for (const [name, encode] of [['br', zlib.brotliCompressSync], ['gzip', zlib.gzipSync], ['deflate', zlib.deflateSync]]) {
    if (!coding.includes(name)) continue
    data = encode(data)
    head['Content-Encoding'] = name
    break
  }
  let status = 200
  const range = /^bytes=(\d*)-(\d*)/.exec(asked('range').replaceAll(' ', ''))
  if (range && (range[1] || range[2])) {
    const from = range[1] ? Number(range[1]) : Math.max(0, data.length - Number(range[2]))
    const to = range[1] && range[2] ? Math.min(Number(range[2]), data.length - 1) : data.length - 1
    if (from > to) return res.writeHead(416, { ...head, 'Content-Range': `bytes */${data.length}` }).end()
    head['Content-Range'] = `bytes ${from}-${to}/${data.length}`
    status = 206
    data = data.subarray(from, to + 1)
  }
  head['Content-Type'] = type
  if (req.method === 'HEAD') return res.writeHead(status, { ...head, 'Content-Length': data.length }).end()
  res.writeHead(status, { ...head, Trailer: 'X-Checksum' })
  for (let at = 0; at < data.length; at += q.piece ?? data.length) res.write(data.subarray(at, at + (q.piece ?? data.length)))
  res.addTrailers({ 'X-Checksum': house.trailer })
  res.end()
}

function answer(req, res, body) {
  const q = { query: {}, text: text(req, body), method: req.method.toUpperCase() }
  let target = last(allHeaders(req, 'x-original-url')) || last(allHeaders(req, 'x-rewrite-url')) || req.url
  target = target.replace(/^[a-z]+:\/\/[^/]*/i, '').split('#')[0]
  const at = target.indexOf('?')
  q.path = normal(at < 0 ? target : target.slice(0, at))
  if (at >= 0) parameters(q.query, target.slice(at + 1))
  q.form = last(allHeaders(req, 'content-type')).startsWith('application/x-www-form-urlencoded')
  if (q.form) parameters(q.query, q.text)
  const named = /(?:name="?_method"?\s*\r?\n\r?\n|"_method"\s*:\s*")([a-z]+)/i.exec(q.text) // in parts and in JSON
  for (const v of [named?.[1], q.query._method, ...['x-http-method', 'x-method-override', 'x-http-method-override'].map((h) => last(allHeaders(req, h)))]) {
    if (v) q.method = v.toUpperCase()
  }
  const json = (status, out) => res.writeHead(status, { 'Content-Type': 'application/json' }).end(out)
  if (admin(req)) return personal(req, res, q, everything)
  if (q.path === '/v1/templates' || q.path.startsWith('/v1/templates/')) return json(200, '{"template":"Hello, {{name}}"}')
  if (q.path === '/v1/reports' && q.method === 'POST') return json(200, '{"job":"started"}')
  if (q.path.startsWith('/v3/mail/') && (q.method === 'POST' || q.method === 'PUT')) {
    const { status, body: out } = send(req, q)
    return json(status, out)
  }
  const out = find(q)
  return out === undefined || out === null ? json(404, '{"error":"there is no such thing"}') : personal(req, res, q, out)
}

const server = http.createServer({ insecureHTTPParser: true }, (req, res) => {
  const parts = []
  req.on('data', (p) => parts.push(p))
  req.on('end', () => {
    try {
      answer(req, res, Buffer.concat(parts))
    } catch {
      if (!res.headersSent) res.writeHead(500)
      res.end()
    }
  })
  req.on('error', () => res.destroy())
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`))
