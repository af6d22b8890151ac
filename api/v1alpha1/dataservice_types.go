package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PartyRole is the part that the operator of a service plays.
// +kubebuilder:validation:Enum=Processor;JointController;Controller
type PartyRole string

// Roles of a party.
const (
	RoleProcessor       PartyRole = "Processor"       // GDPR Art. 4(8), 28
	RoleJointController PartyRole = "JointController" // GDPR Art. 26
	RoleController      PartyRole = "Controller"      // GDPR Art. 4(7)
)

// TransferBasis is what a transfer outside of the European Economic Area rests on.
// +kubebuilder:validation:Enum=Adequacy;StandardClauses;BindingRules;ExplicitConsent
type TransferBasis string

// Bases of a transfer.
const (
	TransferAdequacy        TransferBasis = "Adequacy"        // GDPR Art. 45
	TransferStandardClauses TransferBasis = "StandardClauses" // GDPR Art. 46(2)(c), (d)
	TransferBindingRules    TransferBasis = "BindingRules"    // GDPR Art. 47
	TransferExplicitConsent TransferBasis = "ExplicitConsent" // GDPR Art. 49(1)(a); the wording has to name the country
)

// Transfer says that data leaves the European Economic Area.
type Transfer struct {
	// country that data goes to.
	// +required
	Country Country `json:"country"`
	// basis of the transfer (GDPR Chapter V): Adequacy (Art. 45), StandardClauses (Art. 46(2)), BindingRules (Art. 47), or ExplicitConsent
	// (Art. 49(1)(a)), for which the wording has to name the country. Omitted means that there is none: everything is denied.
	// +optional
	Basis TransferBasis `json:"basis,omitempty"`
}

// PortProtocol is what is spoken on a port.
// +kubebuilder:validation:Enum=HTTP;HTTPS
type PortProtocol string

// Protocols.
const (
	// ProtocolHTTP is HTTP/1.1 or HTTP/2 without TLS.
	ProtocolHTTP PortProtocol = "HTTP"
	// ProtocolHTTPS is HTTP over TLS.
	ProtocolHTTPS PortProtocol = "HTTPS"
)

// TLSMode is what the sidecar does with TLS.
// +kubebuilder:validation:Enum=Intercept;Originate;Refuse
type TLSMode string

// Modes of TLS.
const (
	// TLSIntercept ends the application's TLS and begins its own towards the service.
	TLSIntercept TLSMode = "Intercept"
	// TLSOriginate takes plain HTTP from the application and begins TLS towards the service.
	TLSOriginate TLSMode = "Originate"
	// TLSRefuse refuses TLS.
	TLSRefuse TLSMode = "Refuse"
)

// PortTLS says what the sidecar does with TLS on a port.
// +kubebuilder:validation:XValidation:rule="(self.mode == 'Originate') == has(self.port)",message="mode Originate needs the service's TLS port in port, for example 443; no other mode takes one"
type PortTLS struct {
	// mode: Originate, for HTTP, takes plain HTTP from the application and speaks TLS to the service. Intercept, for HTTPS, ends the
	// application's TLS and begins its own. Refuse, for HTTPS, denies.
	// +required
	Mode TLSMode `json:"mode"`
	// port on which the service speaks TLS, 1 to 65535, for mode Originate.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// SecretKeyReference names one key of a Secret.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	Name ObjectName `json:"name"`
	// key in the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}

// Host is a name without port, in lower case.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="a host is a name in lower case, without scheme, port or path, for example api.esp.example"
type Host string

// ServicePort is one governed port of a service.
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || (self.tls.mode == 'Originate') == (self.protocol == 'HTTP')",message="tls mode Originate is for protocol HTTP, Intercept and Refuse are for HTTPS"
type ServicePort struct {
	// port number, 1 to 65535. Every port of a governed host is governed; on those that are not listed everything is denied.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// protocol that the application speaks on the port.
	// +required
	Protocol PortProtocol `json:"protocol"`
	// tls says what the sidecar does with TLS. Omitted means that HTTPS is refused, and that HTTP goes on as HTTP.
	// +optional
	TLS *PortTLS `json:"tls,omitempty"`
}

// Party is who operates a service.
// +kubebuilder:validation:XValidation:rule="self.role == 'Processor' || has(self.name)",message="a controller or joint controller has to be named, because the people's consent has to name it too"
type Party struct {
	// role of the operator. Processor: acts on the controller's instructions, and wordings need not name it (GDPR Art. 28). JointController
	// (Art. 26) and Controller (Art. 4(7)): decides about the data too, so wordings have to name it, and purposes have to disclose.
	// +required
	Role PartyRole `json:"role"`
	// name of the operator as wordings name it, 1 to 256 characters. Required unless it is a processor.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
	// transfer says where data goes, if it leaves the European Economic Area (GDPR Chapter V). Omitted means that it does not.
	// +optional
	Transfer *Transfer `json:"transfer,omitempty"`
}

// Access says who may reach a service's pods over the network.
// +kubebuilder:validation:Enum=Open;GovernedOnly
type Access string

// Kinds of access.
const (
	// AccessOpen leaves the network as it is.
	AccessOpen Access = "Open"
	// AccessGovernedOnly lets in governed workloads alone, by a NetworkPolicy.
	AccessGovernedOnly Access = "GovernedOnly"
)

// WorkloadPort says where pods take requests to a port of their service.
type WorkloadPort struct {
	// port of the service, one of spec.ports, 1 to 65535.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// targetPort of the pods, 1 to 65535, as in the Kubernetes Service.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort"`
}

// ServiceWorkloads says which pods are a service that we run ourselves, so that their sidecars decide about every request to it.
// +kubebuilder:validation:XValidation:rule="has(self.targetRefs) || has(self.selector)",message="say which workloads are the service: targetRefs, selector or both"
type ServiceWorkloads struct {
	// targetRefs name workloads of the service's namespace, at most 16.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	TargetRefs []WorkloadRef `json:"targetRefs,omitempty"`
	// selector selects pods of the service's namespace by label, as the Kubernetes Service does.
	// +optional
	Selector *LabelSelector `json:"selector,omitempty"`
	// ports of the pods where they differ from those of the service, at most 16.
	// +optional
	// +listType=map
	// +listMapKey=port
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ports []WorkloadPort `json:"ports,omitempty"`
}

// DataServiceSpec is one service that holds or receives personal data.
// +kubebuilder:validation:XValidation:rule="!has(self.workloads) || !has(self.workloads.ports) || self.workloads.ports.all(w, self.ports.exists(p, p.port == w.port))",message="workloads.ports names a port that is not among ports"
// +kubebuilder:validation:XValidation:rule="!has(self.access) || self.access != 'GovernedOnly' || (has(self.workloads) && has(self.workloads.selector))",message="access GovernedOnly needs workloads.selector, because a NetworkPolicy selects pods by their labels"
type DataServiceSpec struct {
	// hosts under which workloads reach the service, at most 32. The first is the one that sidecars dial.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(h, self.exists_one(o, o == h))",message="a host is listed twice"
	Hosts []Host `json:"hosts"`
	// ports of the service that speak a protocol which can be enforced, at most 16.
	// +required
	// +listType=map
	// +listMapKey=port
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ports []ServicePort `json:"ports"`
	// party that operates the service.
	// +required
	Party Party `json:"party"`
	// authorities that the service's certificate is verified with instead of the public ones: the certificates of a private authority in
	// PEM, at most 16 KiB. They are public; never put a key here. Omitted means the public authorities (those of Mozilla).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	// +kubebuilder:validation:XValidation:rule="self.contains('-----BEGIN CERTIFICATE-----') && !self.contains('PRIVATE KEY')",message="authorities are certificates in PEM, which begin with -----BEGIN CERTIFICATE-----; a private key does not belong here"
	Authorities string `json:"authorities,omitempty"`
	// allowedNamespaces, besides the service's own, may refer to the service. Omitted means no other.
	// +optional
	AllowedNamespaces *NamespaceSelector `json:"allowedNamespaces,omitempty"`
	// credential that sidecars insert into requests, so that applications never hold it. Omitted means that applications send their own.
	// +optional
	Credential *Credential `json:"credential,omitempty"`
	// workloads of the service's namespace that are the service, if we run it ourselves. In a governed namespace their sidecars decide about
	// every request that comes to them. Omitted means that the service is run elsewhere, or decides nothing.
	// +optional
	Workloads *ServiceWorkloads `json:"workloads,omitempty"`
	// access over the network. GovernedOnly writes a NetworkPolicy that lets governed workloads of the namespaces that may refer to the
	// service reach its ports, and closes the other ports of its pods; status.callers lists first who would be shut out. Omitted means
	// Open: no NetworkPolicy.
	// +optional
	Access Access `json:"access,omitempty"`
	// endpoints of the service, at most 256. Calls to anything else are denied.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// callbacks are the calls by which the service tells workloads what happened, such as its event webhook, at most 16. A ConsentPolicy
	// says at which port and path of a workload one arrives.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Callbacks []Callback `json:"callbacks,omitempty"`
}

// CallerProof is how a caller proved who it is.
// +kubebuilder:validation:Enum=Certificate;Token;None
type CallerProof string

// CallerAdmission says whether access GovernedOnly lets a caller in.
// +kubebuilder:validation:Enum=LetIn;ShutOut
type CallerAdmission string

// Admissions.
const (
	CallerLetIn   CallerAdmission = "LetIn"
	CallerShutOut CallerAdmission = "ShutOut"
)

// ServiceCaller is who called a service, as the sidecars of the service saw it.
type ServiceCaller struct {
	// namespace of the caller; empty for one that is no pod of the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// workload as Kind/name, for example Deployment/dashboard; empty where nobody knows it.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Workload string `json:"workload,omitempty"`
	// proof of who it is: Certificate of its sidecar, Token, or None, which is denied personal data.
	// +required
	Proof CallerProof `json:"proof"`
	// governedOnly says what access GovernedOnly means for it: LetIn or ShutOut.
	// +required
	GovernedOnly CallerAdmission `json:"governedOnly"`
	// lastSeen is the hour in which it called last.
	// +required
	LastSeen metav1.Time `json:"lastSeen"`
}

// DataServiceStatus is what became of a service.
type DataServiceStatus struct {
	// conditions: Accepted, Programmed, Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// callers of the last day that the sidecars of the service's own workloads saw, at most 64: those first whom access GovernedOnly would
	// shut out.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Callers []ServiceCaller `json:"callers,omitempty"`
}

// DataService is one service that holds or receives personal data: where it is, who operates it, and where in its API people and
// their data are. It belongs to the platform team.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=dsv,categories=optup
// +kubebuilder:printcolumn:name="Host",type=string,JSONPath=`.spec.hosts[0]`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.spec.party.role`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type DataService struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what is declared.
	// +required
	Spec DataServiceSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status DataServiceStatus `json:"status,omitzero"`
}

// DataServiceList is a list of services.
// +kubebuilder:object:root=true
type DataServiceList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []DataService `json:"items"`
}
