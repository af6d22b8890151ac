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
	// ConditionKeysBackedUp is true when somebody has confirmed that the root key of a ledger is stored outside the cluster. It
	// surfaces on ConsentLedger: losing the key loses the link from every person to what they agreed to.
	ConditionKeysBackedUp = "KeysBackedUp"
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
	// ReasonBackupConfirmed surfaces on KeysBackedUp=True.
	ReasonBackupConfirmed = "BackupConfirmed"
)

// Reasons for Accepted=False. Where several hold, the condition shows the first of this list, and its message all of them.
const (
	// ReasonNotLawful surfaces when a purpose combines ground, channel and processing in a way that the law does not allow.
	ReasonNotLawful = "NotLawful"
	// ReasonParentNotFound surfaces when a purpose names a parent that does not exist, or that leads back to itself.
	ReasonParentNotFound = "ParentNotFound"
	// ReasonPurposeNotFound surfaces when a rule or a notice names a DataPurpose that does not exist.
	ReasonPurposeNotFound = "PurposeNotFound"
	// ReasonNamespaceNotAllowed surfaces when a purpose does not allow the policy's namespace to act for it.
	ReasonNamespaceNotAllowed = "NamespaceNotAllowed"
	// ReasonServiceNotFound surfaces when a rule names a DataService that does not exist, or that does not allow the policy's
	// namespace. Both read the same, so that nobody learns what exists elsewhere.
	ReasonServiceNotFound = "ServiceNotFound"
	// ReasonEndpointNotFound surfaces when a rule names an endpoint that its service does not declare.
	ReasonEndpointNotFound = "EndpointNotFound"
	// ReasonNothingCovered surfaces when a rule's endpoint does something that its purpose does not include.
	ReasonNothingCovered = "NothingCovered"
	// ReasonInvalidEndpoint surfaces when an endpoint's template, pointers or units do not fit together.
	ReasonInvalidEndpoint = "InvalidEndpoint"
	// ReasonHostConflict surfaces when two services declare the same host and port.
	ReasonHostConflict = "HostConflict"
	// ReasonLedgerNotFound surfaces when no ConsentLedger exists for the controller of a purpose.
	ReasonLedgerNotFound = "LedgerNotFound"
	// ReasonBundleTooLarge surfaces when a workload's bundle exceeds the size that can be published.
	ReasonBundleTooLarge = "BundleTooLarge"
	// ReasonInvalid surfaces for whatever a newer compiler finds that this version of the API has no reason for.
	ReasonInvalid = "Invalid"
)

// Reasons for Programmed=False, Ready=False and KeysBackedUp=False.
const (
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
	// ReasonControllerConflict surfaces on Accepted=False when another ConsentLedger already serves the same controller.
	ReasonControllerConflict = "ControllerConflict"
	// ReasonBackupUnconfirmed surfaces on KeysBackedUp=False until spec.keyBackup says Confirmed.
	ReasonBackupUnconfirmed = "BackupUnconfirmed"
)
