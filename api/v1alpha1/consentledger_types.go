package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LedgerRole is what a client of a ledger may do.
// +kubebuilder:validation:Enum=Touchpoint;Reader;Officer
type LedgerRole string

// Roles of ledger clients.
const (
	// LedgerRoleTouchpoint appends what people do at a touchpoint, and imports.
	LedgerRoleTouchpoint LedgerRole = "Touchpoint"
	// LedgerRoleReader reads the usable share.
	LedgerRoleReader LedgerRole = "Reader"
	// LedgerRoleOfficer also looks people up, and sees why a person may not be used.
	LedgerRoleOfficer LedgerRole = "Officer"
)

// KeyBackup says what somebody has done about the ledger's root key.
// +kubebuilder:validation:Enum=Confirmed
type KeyBackup string

// KeyBackupConfirmed says that a copy of the root key is stored outside the cluster.
const KeyBackupConfirmed KeyBackup = "Confirmed"

// LedgerStorage is where a ledger keeps its events. Exactly one member is set.
// +kubebuilder:validation:XValidation:rule="has(self.sqlite) == has(oldSelf.sqlite)",message="events do not move by themselves: create a ledger on the other storage after optup ledger export, and import there"
// +kubebuilder:validation:XValidation:rule="has(self.sqlite) != has(self.postgres)",message="name one storage: sqlite or postgres"
type LedgerStorage struct {
	// sqlite keeps events in a file on a volume; one replica.
	// +optional
	SQLite *SQLiteStorage `json:"sqlite,omitempty"`
	// postgres keeps events in a PostgreSQL database, 15 or newer; any number of replicas.
	// +optional
	Postgres *PostgresStorage `json:"postgres,omitempty"`
}

// PostgresStorage is a PostgreSQL database, or one that speaks its protocol.
type PostgresStorage struct {
	// dsnSecretRef names the Secret, in the ledger's namespace, and the key in it that holds the connection string, for example
	// postgres://ledger:...@db.internal/consent?sslmode=verify-full. Other keys of the Secret are files beside it, so that an authority under
	// the key ca.crt is named by sslrootcert=/etc/optup/database/ca.crt.
	// +required
	DSNSecretRef SecretKeyReference `json:"dsnSecretRef"`
	// replicas of the ledger, 1 to 32. Omitted means 2.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	Replicas int32 `json:"replicas,omitempty"`
}

// SQLiteStorage is a volume for a SQLite file.
type SQLiteStorage struct {
	// size of the volume in bytes, as a Kubernetes quantity, for example 10Gi.
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).isGreaterThan(quantity('0'))",message="size is more than nothing, for example 10Gi"
	Size resource.Quantity `json:"size"`
	// storageClassName of the volume. Omitted means the cluster's default class.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
}

// ServiceAccountReference names a service account.
type ServiceAccountReference struct {
	// namespace of the service account.
	// +required
	Namespace NamespaceName `json:"namespace"`
	// name of the service account.
	// +required
	Name ObjectName `json:"name"`
}

// ExternalSubject is somebody whom an issuer outside of the cluster knows: one account, or a group.
// +kubebuilder:validation:XValidation:rule="has(self.subject) != has(self.group)",message="name one of them: subject or group"
type ExternalSubject struct {
	// issuer of the tokens, one of spec.issuers.
	// +required
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=512
	Issuer string `json:"issuer"`
	// subject is the claim sub of the tokens of one account, 1 to 255 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Subject string `json:"subject,omitempty"`
	// group is in the claim that the issuer's groupsClaim names, 1 to 255 characters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Group string `json:"group,omitempty"`
}

// LedgerAccess lets a service account, or somebody whom an external issuer knows, use a ledger.
// +kubebuilder:validation:XValidation:rule="has(self.serviceAccount) != has(self.external)",message="name one of them: serviceAccount or external"
type LedgerAccess struct {
	// serviceAccount that may use the ledger, with a token for the audience optup-ledger.
	// +optional
	ServiceAccount *ServiceAccountReference `json:"serviceAccount,omitempty"`
	// external is an account or a group of an issuer outside of the cluster.
	// +optional
	External *ExternalSubject `json:"external,omitempty"`
	// roles that are given.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Roles []LedgerRole `json:"roles"`
}

// PersonIdentifier is the kind of identifier by which an issuer knows people.
// +kubebuilder:validation:Enum=email;phone;customer
type PersonIdentifier string

// PersonClaim says how tokens name the person who has signed in.
type PersonClaim struct {
	// claim that holds the identifier, 1 to 64 characters, for example email.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Claim string `json:"claim"`
	// type of the identifier. An email counts with email_verified alone, a phone with phone_number_verified (OpenID Connect Core 1.0, 5.1).
	// +required
	Type PersonIdentifier `json:"type"`
}

// TokenIssuer is an issuer of tokens outside of the cluster. Its keys are found as OpenID Connect Discovery 1.0 says.
type TokenIssuer struct {
	// issuer of the tokens: an https URL, as the claim iss spells it, up to 512 characters.
	// +required
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https://[^\s]+$`
	Issuer string `json:"issuer"`
	// audience that tokens have to name, 1 to 255 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Audience string `json:"audience"`
	// groupsClaim is the claim with the groups of an account, 1 to 64 characters. Omitted means that groups have no roles.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// person tells that tokens are those of people who have signed in, who may then see and change what they themselves agreed to. Omitted
	// means that they are not.
	// +optional
	Person *PersonClaim `json:"person,omitempty"`
}

// PopulationSource is one register of people, for example the customers of a shop.
type PopulationSource struct {
	// name of the register, 1 to 63 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// people in the register, whether or not they were ever asked, 0 to 10 billion.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000000000
	People int64 `json:"people"`
}

// Population is whom the usable share is a share of.
type Population struct {
	// sources whose people are added up, at most 32. Count a person in one source only.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Sources []PopulationSource `json:"sources"`
}

// NetworkRange is a network in CIDR notation.
// +kubebuilder:validation:MinLength=4
// +kubebuilder:validation:MaxLength=43
// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="proxies are networks, for example 10.0.0.0/8"
type NetworkRange string

// LedgerPages is what people reach of a ledger: their own page, confirmations, withdrawals and forms.
type LedgerPages struct {
	// publicURL under which people reach the pages, scheme and host only, for example https://consent.example. Mailed links begin with it.
	// It has to lead to the Service <name>-ledger-pages, which speaks TLS, and to nothing else of the ledger.
	// +required
	// +kubebuilder:validation:MinLength=9
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="isURL(self) && self.matches('^https://[^/?#@]+$')",message="publicURL is https and a host, for example https://consent.example"
	PublicURL string `json:"publicURL"`
	// proxies are the networks of the proxies in front of the pages, at most 16. What they say in X-Forwarded-For counts, and what others
	// say does not. Omitted means none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Proxies []NetworkRange `json:"proxies,omitempty"`
}

// MailTLS says how a connection to a mail server is protected. There is no mode without protection.
// +kubebuilder:validation:Enum=StartTLS;Implicit
type MailTLS string

// Modes of MailTLS.
const (
	// MailTLSStartTLS upgrades the connection (RFC 3207), or gives up.
	MailTLSStartTLS MailTLS = "StartTLS"
	// MailTLSImplicit speaks TLS from the start (RFC 8314).
	MailTLSImplicit MailTLS = "Implicit"
)

// LedgerMail is the mail server by which people are asked to confirm, and get links to their page.
type LedgerMail struct {
	// server is the host and port of the mail server, for example mail.shop.example:587.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=260
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s:/]+:[1-9][0-9]{0,4}$')",message="server is a host and a port, for example mail.shop.example:587"
	Server string `json:"server"`
	// from is the sender, for example "Shop <consent@shop.example>", up to 320 characters.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@<>]+@[^@<>]+$') || self.matches('^[^<>]*<[^@<>]+@[^@<>]+>$')",message="from is one address, for example Shop <consent@shop.example>"
	From string `json:"from"`
	// tls is how the connection is protected. Omitted means StartTLS.
	// +optional
	TLS MailTLS `json:"tls,omitempty"`
	// credentialsSecretRef names the Secret, in the ledger's namespace, and the key in it that holds "user:password" in one line. Omitted
	// means that the server asks for none.
	// +optional
	CredentialsSecretRef *SecretKeyReference `json:"credentialsSecretRef,omitempty"`
	// authoritiesSecretRef names the Secret, in the ledger's namespace, and the key in it that holds the certificates (PEM) of the
	// authorities that the mail server's certificate has to come from. Omitted means the public ones, as Mozilla lists them.
	// +optional
	AuthoritiesSecretRef *SecretKeyReference `json:"authoritiesSecretRef,omitempty"`
}

// ConsentLedgerSpec is the ledger of one controller.
// +kubebuilder:validation:XValidation:rule="!has(self.mail) || has(self.pages)",message="mail needs spec.pages: what is mailed links to them"
// +kubebuilder:validation:XValidation:rule="!has(self.access) || self.access.all(a, !has(a.external) || (has(self.issuers) && self.issuers.exists(i, i.issuer == a.external.issuer && (!has(a.external.group) || has(i.groupsClaim)))))",message="external access needs its issuer in spec.issuers, and for a group the issuer's groupsClaim"
type ConsentLedgerSpec struct {
	// controller whose ledger it is, as its DataPurposes name it, 1 to 256 characters. It cannot change. One controller has one ledger.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a ledger cannot pass to another controller: its people agreed to this one"
	Controller string `json:"controller"`
	// storage of the events.
	// +required
	Storage LedgerStorage `json:"storage"`
	// access lists who may use the ledger besides sidecars, at most 64.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, (has(a.serviceAccount) && has(b.serviceAccount) && b.serviceAccount == a.serviceAccount) || (has(a.external) && has(b.external) && b.external == a.external) || (!has(a.serviceAccount) && !has(a.external) && b == a)))",message="somebody is listed twice: put the roles together"
	Access []LedgerAccess `json:"access,omitempty"`
	// issuers of tokens besides the cluster, at most 8.
	// +optional
	// +listType=map
	// +listMapKey=issuer
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Issuers []TokenIssuer `json:"issuers,omitempty"`
	// population is whom the usable share is a share of. Omitted means the people whom the ledger knows, which leaves out everybody
	// who was never asked.
	// +optional
	Population *Population `json:"population,omitempty"`
	// pages are what people reach. Omitted means that the ledger serves programs only.
	// +optional
	Pages *LedgerPages `json:"pages,omitempty"`
	// mail is how people are asked to confirm. Omitted means that nobody can be asked: a Touchpoint that confirms mailboxes is refused answers.
	// +optional
	Mail *LedgerMail `json:"mail,omitempty"`
	// keyBackup says Confirmed once a copy of the Secret <name>-ledger-keys is stored outside the cluster. Losing it loses the link
	// from every person to what they agreed to.
	// +optional
	KeyBackup KeyBackup `json:"keyBackup,omitempty"`
}

// ConsentLedgerStatus is what became of a ledger.
type ConsentLedgerStatus struct {
	// conditions: Accepted, Ready, KeysBackedUp.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// url of the ledger inside the cluster, https.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	URL string `json:"url,omitempty"`
	// epoch of the ledger; it changes when the ledger was restored from an older copy.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Epoch string `json:"epoch,omitempty"`
	// position of the newest event.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Position int64 `json:"position,omitempty"`
	// people is how many people the ledger knows, in tens, rounded down; omitted below 10.
	// +optional
	// +kubebuilder:validation:Minimum=10
	People *int64 `json:"people,omitempty"`
	// checkpoint is the newest signed checkpoint of the log that was seen (signed-note format). After a restore, it proves what the log
	// has to contain.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Checkpoint string `json:"checkpoint,omitempty"`
	// subscribers are the sidecars that follow the replica that was asked.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Subscribers int32 `json:"subscribers,omitempty"`
	// oldestStalenessSeconds is the age of the oldest facts that one of them goes by, rounded up.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OldestStalenessSeconds int32 `json:"oldestStalenessSeconds,omitempty"`
}

// ConsentLedger is the ledger in which one controller keeps what people agreed to. It belongs to the platform team.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=cl,categories=optup
// +kubebuilder:printcolumn:name="Controller",type=string,JSONPath=`.spec.controller`
// +kubebuilder:printcolumn:name="Position",type=integer,JSONPath=`.status.position`
// +kubebuilder:printcolumn:name="People",type=integer,JSONPath=`.status.people`
// +kubebuilder:printcolumn:name="Subscribers",type=integer,JSONPath=`.status.subscribers`
// +kubebuilder:printcolumn:name="Backup",type=string,JSONPath=`.status.conditions[?(@.type=="KeysBackedUp")].status`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="the name becomes part of a Service's: at most 40 lower-case letters, digits and dashes, the first a letter"
type ConsentLedger struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared.
	// +required
	Spec ConsentLedgerSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status ConsentLedgerStatus `json:"status,omitzero"`
}

// ConsentLedgerList is a list of ledgers.
// +kubebuilder:object:root=true
type ConsentLedgerList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ConsentLedger `json:"items"`
}
