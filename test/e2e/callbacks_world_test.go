package e2e

const leadsSecret = `
apiVersion: v1
kind: Secret
metadata: {name: leads-hook, namespace: esp, labels: {consent.optup.dev/credential: "true"}}
stringData: {secret: %s}
`

const callbackWorld = `
apiVersion: consent.optup.dev/v1alpha1
kind: DataPurpose
metadata: {name: reactions}
spec:
  controller: ` + controller + `
  dpv: dpv:Personalisation
  texts: [{language: en, title: Reactions, description: We note what you open and click on.}]
  legalGrounds: [consent]
  processing: [collect, profile]
  dataCategories: [pd:EmailAddress, optup:MessageOpened, pd:LinkClicked, pd:UID]
  objection: DirectMarketing
  allowedNamespaces: {names: [marketing]}
---
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentNotice
metadata: {name: reactions-v1}
spec:
  controller: ` + controller + `
  series: reactions
  version: 1
  texts: [{language: en, text: "You may note what I open and click on."}]
  covers: {purposes: [reactions], processing: [collect, profile]}
---
apiVersion: consent.optup.dev/v1alpha1
kind: DataService
metadata: {name: leads, namespace: esp}
spec:
  hosts: [forms.leads.example]
  ports: [{port: 443, protocol: HTTPS}]
  party: {role: Processor}
  allowedNamespaces: {names: [marketing]}
  endpoints: [{name: health, methods: [GET], path: /health, personalData: None}]
  callbacks:
  - name: lead
    signature:
      type: HMACSHA256
      keyRef: {name: leads-hook, key: secret}
      header: X-Leads-Signature
      prefix: "v1="
      encoding: Hex
      timestamp: {header: X-Leads-Signature, prefix: "t="}
    idPointer: /id
    kinds: [{name: lead, processing: [collect]}]
    body:
      records:
        identifier: /email
        type: email
        fields: [{pointer: /email, category: pd:EmailAddress}]
        notPersonal: [/campaign, /id]
---
apiVersion: consent.optup.dev/v1alpha1
kind: ConsentPolicy
metadata: {name: mailer, namespace: marketing}
spec:
  targetRefs: [{kind: Deployment, name: mailer}]
  ungoverned: {action: Deny}
  rules:
  - name: newsletter
    purpose: newsletter
    service: {namespace: esp, name: sendgrid}
    endpoints: [mail-send]
    onMissing: DropAddressee
    onEmpty: AnswerAccepted
  callbacks:
  - name: mail-events
    service: {namespace: esp, name: sendgrid}
    callback: events
    port: 8080
    path: /hooks/sendgrid
    records: [{kind: reactions, purpose: reactions, onMissing: RedactField}]
  - name: leads
    service: {namespace: esp, name: leads}
    callback: lead
    port: 8080
    path: /hooks/leads
    records: [{kind: lead, purpose: reactions}]
---
apiVersion: v1
kind: Service
metadata: {name: mailer, namespace: marketing}
spec: {selector: {app: mailer}, ports: [{port: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mailer, namespace: marketing}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: mailer}}
  template:
    metadata: {labels: {app: mailer}}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: mailer
        image: 127.0.0.1:5001/optup/client-node:e2e
        command: [/usr/bin/node, /app/mailer.js]
        env: [{name: KEY, value: SG.opens.nothing}]
        readinessProbe: {httpGet: {path: /healthz, port: 8081}, periodSeconds: 1}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`
