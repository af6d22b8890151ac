package v1alpha1

// Marks of a Secret without which no credential is taken from it. Whoever may write a DataService cannot have a Secret sent anywhere that
// its own owner did not name.
const (
	// LabelCredential, with the value "true", lets OptUp read the Secret and hand values out of it to sidecars.
	LabelCredential = "consent.optup.dev/credential"
	// AnnotationHosts lists, with commas between, the hosts that a credential may be sent to.
	AnnotationHosts = "consent.optup.dev/hosts"
)

// CredentialType is how a service takes its credential.
// +kubebuilder:validation:Enum=Header;Bearer;Basic;Query;OAuth2ClientCredentials
type CredentialType string

// Types of credentials.
const (
	// CredentialHeader is a header of the service's own, for example api-key.
	CredentialHeader CredentialType = "Header"
	// CredentialBearer is the header Authorization with a token (RFC 6750).
	CredentialBearer CredentialType = "Bearer"
	// CredentialBasic is the header Authorization with user and password (RFC 7617).
	CredentialBasic CredentialType = "Basic"
	// CredentialQuery is a query parameter.
	CredentialQuery CredentialType = "Query"
	// CredentialOAuth2 is a token that the sidecar obtains with the secret of a client (RFC 6749 section 4.4) and renews before it ends.
	CredentialOAuth2 CredentialType = "OAuth2ClientCredentials"
)

// OwnCredential is what becomes of a credential that an application sends itself.
// +kubebuilder:validation:Enum=Refuse;Replace
type OwnCredential string

// What becomes of it.
const (
	// OwnRefuse denies the request: an application that has a key can go around the sidecar.
	OwnRefuse OwnCredential = "Refuse"
	// OwnReplace takes it out and inserts the declared one, for clients that cannot do without some key.
	OwnReplace OwnCredential = "Replace"
)

// ClientAuthentication is how a client shows its secret to a token endpoint (RFC 6749 section 2.3.1).
// +kubebuilder:validation:Enum=Basic;Body
type ClientAuthentication string

// Ways of showing it.
const (
	// ClientBasic puts id and secret into the header Authorization.
	ClientBasic ClientAuthentication = "Basic"
	// ClientBody puts client_id and client_secret into the body.
	ClientBody ClientAuthentication = "Body"
)

// Credential is what the sidecar inserts into requests, so that applications never hold it. It goes to the service's hosts only, and only
// for workloads with a rule about the service.
// +kubebuilder:validation:XValidation:rule="(!has(self.type) || self.type == 'Header') == has(self.header)",message="type Header needs the name of the header in header; no other type takes one"
// +kubebuilder:validation:XValidation:rule="!has(self.prefix) || has(self.header)",message="prefix is for type Header; Bearer and Basic bring their own"
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'Query') == has(self.query)",message="type Query needs the name of the parameter in query; no other type takes one"
// +kubebuilder:validation:XValidation:rule="!has(self.username) || (has(self.type) && self.type == 'Basic')",message="username is for type Basic"
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'OAuth2ClientCredentials') == has(self.oauth2)",message="type OAuth2ClientCredentials needs oauth2; no other type takes it"
// +kubebuilder:validation:XValidation:rule="!has(self.header) || !(self.header.lowerAscii() in ['host', 'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'accept-encoding', 'range', 'content-type', 'content-length', 'content-encoding', 'content-range', 'idempotency-key', 'x-idempotency-key'])",message="header carries something else in HTTP, and no credential"
type Credential struct {
	// type says how the service takes it. Header: in header, after prefix. Bearer: as a token in Authorization (RFC 6750). Basic: as user and
	// password in Authorization (RFC 7617). Query: as the parameter query. OAuth2ClientCredentials: as a token that the sidecar obtains
	// with oauth2 (RFC 6749 section 4.4). Omitted means Header.
	// +optional
	Type CredentialType `json:"type,omitempty"`
	// secretRef names the Secret, in the service's namespace, and the key in it that holds the key, token, password or client secret. The
	// Secret needs the label consent.optup.dev/credential: "true", and the annotation consent.optup.dev/hosts with the hosts that it may
	// be sent to. A change of it reaches running sidecars within seconds.
	// +required
	SecretRef SecretKeyReference `json:"secretRef"`
	// header that carries it, for example api-key.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9-]+$`
	Header string `json:"header,omitempty"`
	// prefix before the credential, for example "Token ", of printable ASCII.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[ -~]+$`
	Prefix string `json:"prefix,omitempty"`
	// query is the name of the parameter that carries it, for example api_key.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._~-]+$`
	Query string `json:"query,omitempty"`
	// username for Basic, of printable ASCII without colon. Omitted means that the Secret holds "user:password".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[ -9;-~]+$`
	Username string `json:"username,omitempty"`
	// oauth2 says where the sidecar obtains tokens.
	// +optional
	OAuth2 *OAuth2Client `json:"oauth2,omitempty"`
	// ownCredential says what becomes of a credential that the application sends itself: in the place that this one takes, in
	// Authorization, or in another header that is known for keys. Refuse denies the request and says which header or parameter it is.
	// Replace takes it out: for clients that insist on some key, which may then be any. Omitted means Refuse, because an application
	// that holds a key can go around the sidecar.
	// +optional
	OwnCredential OwnCredential `json:"ownCredential,omitempty"`
}

// OAuth2Client is how a client obtains tokens for itself (RFC 6749 section 4.4).
// +kubebuilder:validation:XValidation:rule="has(self.clientID) != has(self.clientIDRef)",message="name the client in clientID, or where its name is kept in clientIDRef, and not both"
type OAuth2Client struct {
	// tokenURL of the token endpoint, for example https://login.crm.example/oauth/token.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?(/[!\"$-~]*)?$')",message="tokenURL is an https URL with a host in lower case, without user and fragment (RFC 6749 section 3.2)"
	TokenURL string `json:"tokenURL"`
	// authorities that the token endpoint's certificate is verified with, in PEM, at most 16 KiB. Omitted means the public authorities (those
	// of Mozilla), whatever the service has.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	// +kubebuilder:validation:XValidation:rule="self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')",message="authorities of a token endpoint are certificates in PEM, which begin with -----BEGIN CERTIFICATE-----, and no key"
	Authorities string `json:"authorities,omitempty"`
	// clientID is the client's name at the token endpoint, if it need not be kept in a Secret.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[ -~]+$`
	ClientID string `json:"clientID,omitempty"`
	// clientIDRef names the Secret, in the service's namespace, and the key in it that holds the client's name.
	// +optional
	ClientIDRef *SecretKeyReference `json:"clientIDRef,omitempty"`
	// clientAuthentication says how the client shows its secret: Basic, in the header Authorization, or Body, as client_id and
	// client_secret (RFC 6749 section 2.3.1). Omitted means Basic, which every token endpoint has to take.
	// +optional
	ClientAuthentication ClientAuthentication `json:"clientAuthentication,omitempty"`
	// scopes that are asked for (RFC 6749 section 3.3), at most 32. Omitted means those that the token endpoint gives by itself.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Scopes []OAuth2Scope `json:"scopes,omitempty"`
	// audience that is asked for, at token endpoints that want one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[ -~]+$`
	Audience string `json:"audience,omitempty"`
}

// OAuth2Scope is one scope, without spaces, quotes and backslashes.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
// +kubebuilder:validation:Pattern=`^[!#-\[\]-~]+$`
type OAuth2Scope string
