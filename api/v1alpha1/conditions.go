package v1alpha1

// Types of conditions. Every condition carries the generation that it was observed for.
const (
	// ConditionAccepted is true when the object is sound by itself and everything that it refers to exists and allows the reference.
	// It surfaces on every kind that people write. Whatever is not accepted compiles to a denial, never to a permission.
	ConditionAccepted = "Accepted"
	// ConditionProgrammed is true when every running sidecar that the object concerns has acknowledged the newest bundle; also when
	// none runs. It surfaces on ConsentPolicy, DataService, DataPurpose and SidecarConfig.
	ConditionProgrammed = "Programmed"
	// ConditionReady is for GitOps tools: true when the object is accepted and compiled (ConsentLedger: when it serves). It never
	// waits for pods of an application.
	ConditionReady = "Ready"
	// ConditionCaptured is true when the connections of all running pods come to their sidecars, whatever the application does. It
	// surfaces on SidecarConfig, while pods of its workload run.
	ConditionCaptured = "Captured"
	// ConditionAccessClosed is true when a NetworkPolicy lets governed workloads alone reach the service's pods. It surfaces on DataService,
	// where access is GovernedOnly. Whether NetworkPolicies are enforced only the cluster's network can tell.
	ConditionAccessClosed = "AccessClosed"
	// ConditionKeysBackedUp is true when somebody has confirmed that the root key of a ledger is stored outside the cluster. It
	// surfaces on ConsentLedger: losing the key loses the link from every person to what they agreed to.
	ConditionKeysBackedUp = "KeysBackedUp"
	// ConditionCredentialReady is true when the values that a service's sidecars insert are there and may be used. It surfaces on DataService
	// where a credential is declared; while it is false, requests to the service are denied.
	ConditionCredentialReady = "CredentialReady"
	// ConditionTrusted is false while applications do not accept the certificate that their sidecars end TLS with. It surfaces on
	// SidecarConfig, once that has happened.
	ConditionTrusted = "Trusted"
)

// Reasons of a condition that is as it should be.
const (
	// ReasonAccepted surfaces on Accepted=True.
	ReasonAccepted = "Accepted"
	// ReasonProgrammed surfaces on Programmed=True when at least one sidecar runs and all of them have acknowledged.
	ReasonProgrammed = "Programmed"
	// ReasonNoSidecars surfaces on Programmed=True when no sidecar runs that the object concerns.
	ReasonNoSidecars = "NoSidecars"
	// ReasonReady surfaces on Ready=True.
	ReasonReady = "Ready"
	// ReasonCaptured surfaces on Captured=True.
	ReasonCaptured = "Captured"
	// ReasonBackupConfirmed surfaces on KeysBackedUp=True.
	ReasonBackupConfirmed = "BackupConfirmed"
	// ReasonCredentialReady surfaces on CredentialReady=True.
	ReasonCredentialReady = "CredentialReady"
	// ReasonTrusted surfaces on Trusted=True.
	ReasonTrusted = "Trusted"
)

// Reasons for Accepted=False. Where several hold, the condition shows the first of this list, and its message all of them.
const (
	// ReasonNotLawful surfaces when a purpose combines ground, channel, addressees, data and processing in a way that the law does not
	// allow. The message names the statute.
	ReasonNotLawful = "NotLawful"
	// ReasonInvalidPurpose surfaces when a purpose holds a value that no bundle can hold.
	ReasonInvalidPurpose = "InvalidPurpose"
	// ReasonDuplicateName surfaces when two endpoints of a service, or two objects that were read from files, have the same name.
	ReasonDuplicateName = "DuplicateName"
	// ReasonSecretNotFound surfaces on Accepted=False when the Secret with the connection string of a ledger's database, or the key in it,
	// does not exist, and on CredentialReady=False when that with the credential of a service does not. It heals within seconds of when
	// it does.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonControllerConflict surfaces when another ConsentLedger already serves the same controller.
	ReasonControllerConflict = "ControllerConflict"
	// ReasonControllerMismatch surfaces when a purpose, a wording or a touchpoint refers to one of another controller.
	ReasonControllerMismatch = "ControllerMismatch"
	// ReasonParentNotFound surfaces when a purpose names a parent that does not exist, or that leads back to itself.
	ReasonParentNotFound = "ParentNotFound"
	// ReasonParentLeavesNothing surfaces when a purpose and its parents have no processing, or no proof, in common.
	ReasonParentLeavesNothing = "ParentLeavesNothing"
	// ReasonWiderThanParent surfaces when a purpose has advertisers or goods that its parent does not have.
	ReasonWiderThanParent = "WiderThanParent"
	// ReasonDeviceAccessNested surfaces when the purpose by which a device is accessed needs access to a device itself.
	ReasonDeviceAccessNested = "DeviceAccessNested"
	// ReasonPurposeNotFound surfaces when a rule, its tracking, a notice, or the access to a device names a DataPurpose that does not
	// exist.
	ReasonPurposeNotFound = "PurposeNotFound"
	// ReasonNoticeNotFound surfaces when a touchpoint offers a ConsentNotice that does not exist, or when a purpose sets a minimum for a
	// series that no ConsentNotice belongs to.
	ReasonNoticeNotFound = "NoticeNotFound"
	// ReasonNamespaceNotAllowed surfaces when a purpose does not allow the policy's namespace to act for it.
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	// ReasonServiceNotFound surfaces when a rule names a DataService that does not exist, or that does not allow the policy's
	// namespace. Both read the same, so that nobody learns what exists elsewhere.
	ReasonServiceNotFound = "ServiceNotFound"
	// ReasonEndpointNotFound surfaces when a rule, or an endpoint's replaces, names an endpoint that the service does not declare.
	ReasonEndpointNotFound = "EndpointNotFound"
	// ReasonInvalidRule surfaces when a rule holds a value that no bundle can hold.
	ReasonInvalidRule = "InvalidRule"
	// ReasonNothingCovered surfaces when a rule's endpoint, or tracking, does something that its purpose does not include.
	ReasonNothingCovered = "NothingCovered"
	// ReasonNobodyNamed surfaces when a rule's endpoint says nowhere whom a request is about, although its purpose rests on a record or
	// can be objected to.
	ReasonNobodyNamed = "NobodyNamed"
	// ReasonPartyNotCovered surfaces when a rule sends data to a controller or joint controller for a purpose without disclose.
	ReasonPartyNotCovered = "PartyNotCovered"
	// ReasonTransferNotCovered surfaces when data leaves the European Economic Area on no basis, or on one that a rule's purpose cannot
	// carry.
	ReasonTransferNotCovered = "TransferNotCovered"
	// ReasonUnreachableRule surfaces when no request can match a rule.
	ReasonUnreachableRule = "UnreachableRule"
	// ReasonProofNotAccepted surfaces when the proof that a touchpoint obtains is not among those that a purpose accepts.
	ReasonProofNotAccepted = "ProofNotAccepted"
	// ReasonNothingToAsk surfaces when a touchpoint offers a wording none of whose purposes a consent given there could carry.
	ReasonNothingToAsk = "NothingToAsk"
	// ReasonInvalidTouchpoint surfaces when a touchpoint holds a value that no bundle can hold.
	ReasonInvalidTouchpoint = "InvalidTouchpoint"
	// ReasonInvalidCredential surfaces when what a service says about its credential cannot be carried out, for example authorities of a
	// token endpoint that are no certificates.
	ReasonInvalidCredential = "InvalidCredential"
	// ReasonInvalidAuthorities surfaces when a service's authorities are no certificates of authorities.
	ReasonInvalidAuthorities = "InvalidAuthorities"
	// ReasonInvalidEndpoint surfaces when an endpoint's template, pointers or units do not fit together.
	ReasonInvalidEndpoint = "InvalidEndpoint"
	// ReasonEndpointConflict surfaces when another endpoint takes the requests that an endpoint would match.
	ReasonEndpointConflict = "EndpointConflict"
	// ReasonInvalidCallback surfaces when a callback cannot be carried out.
	ReasonInvalidCallback = "InvalidCallback"
	// ReasonCallbackConflict surfaces when two policies of a workload have callbacks at the same port and path.
	ReasonCallbackConflict = "CallbackConflict"
	// ReasonHostConflict surfaces when two services declare the same host and port.
	ReasonHostConflict = "HostConflict"
	// ReasonLedgerNotFound surfaces when no ConsentLedger exists for the controller of a purpose or touchpoint.
	ReasonLedgerNotFound = "LedgerNotFound"
	// ReasonNetworkPolicyWritten surfaces when a service's NetworkPolicy is written.
	ReasonNetworkPolicyWritten = "NetworkPolicyWritten"
	// ReasonCallersLeftOut surfaces when the rules of all callers of a service do not fit the bundle of its sidecars.
	ReasonCallersLeftOut = "CallersLeftOut"
	// ReasonBundleTooLarge surfaces when a workload's bundle exceeds the size that can be published.
	ReasonBundleTooLarge = "BundleTooLarge"
	// ReasonNotGranted surfaces on every EnforcementExemption: this version records exemptions and grants none.
	ReasonNotGranted = "NotGranted"
	// ReasonInvalid surfaces for whatever a newer compiler finds that this version of the API has no reason for.
	ReasonInvalid = "Invalid"
)

// Reasons for Programmed=False, Ready=False, Captured=False, KeysBackedUp=False and CredentialReady=False.
const (
	// ReasonRestartNeeded surfaces on Captured=False when something was declared after running pods were made that holds for them only
	// once they are made anew: a governed host under Alias, or that connections to the pods are governed.
	ReasonRestartNeeded = "RestartNeeded"
	// ReasonCooperative surfaces on Captured=False when an application that means to can get around its sidecar: under Alias, or because
	// of what its pod allows it. status.capture.notCovered says how.
	ReasonCooperative = "Cooperative"
	// ReasonSidecarsBehind surfaces on Programmed=False when some running sidecar has not acknowledged the newest bundle.
	ReasonSidecarsBehind = "SidecarsBehind"
	// ReasonSidecarRefused surfaces on Programmed=False when a sidecar has refused the newest bundle; the message says why.
	ReasonSidecarRefused = "SidecarRefused"
	// ReasonNotPublished surfaces on Programmed=False and Ready=False when the bundle could not be written.
	ReasonNotPublished = "NotPublished"
	// ReasonNotAccepted surfaces on Ready=False when Accepted is false, which says why.
	ReasonNotAccepted = "NotAccepted"
	// ReasonStarting surfaces on Ready=False while a ledger that was just created does not serve yet.
	ReasonStarting = "Starting"
	// ReasonUnavailable surfaces on Ready=False when a ledger that has served before does not answer.
	ReasonUnavailable = "Unavailable"
	// ReasonBackupUnconfirmed surfaces on KeysBackedUp=False until spec.keyBackup says Confirmed.
	ReasonBackupUnconfirmed = "BackupUnconfirmed"
	// ReasonSecretNotPermitted surfaces on CredentialReady=False when the Secret's owner has not let OptUp use it, or not for the hosts
	// that the service would have it sent to.
	ReasonSecretNotPermitted = "SecretNotPermitted"
	// ReasonCredentialUnusable surfaces on CredentialReady=False when what the Secret holds cannot be sent: it is empty, too long, or no
	// text that fits its place.
	ReasonCredentialUnusable = "CredentialUnusable"
	// ReasonCredentialMissing surfaces on Ready=False of a DataService whose condition CredentialReady is false.
	ReasonCredentialMissing = "CredentialMissing"
)

// Reasons for Trusted=False.
const (
	// ReasonCertificateNotAccepted surfaces when an application broke off TLS because of the sidecar's certificate. The message names the
	// hosts.
	ReasonCertificateNotAccepted = "CertificateNotAccepted"
)
