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

// PortProtocol is what is spoken on a port.
// +kubebuilder:validation:Enum=HTTP
type PortProtocol string

// ProtocolHTTP is HTTP/1.1 or HTTP/2 without TLS.
const ProtocolHTTP PortProtocol = "HTTP"

// Host is a name without port, in lower case.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="a host is a name in lower case, without scheme, port or path, for example api.esp.example"
type Host string

// ServicePort is one governed port of a service.
type ServicePort struct {
	// port number, 1 to 65535. Every port of a governed host is governed; on those that are not listed everything is denied.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// protocol that is spoken on the port.
	// +required
	Protocol PortProtocol `json:"protocol"`
}

// Party is who operates a service.
// +kubebuilder:validation:XValidation:rule="self.role == 'Processor' || has(self.name)",message="a controller or joint controller has to be named, because the people's consent has to name it too"
type Party struct {
	// role of the operator (GDPR Art. 4(7), 4(8), 26).
	// +required
	Role PartyRole `json:"role"`
	// name of the operator as wordings name it, 1 to 256 characters. Required unless it is a processor.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`
}

// DataServiceSpec is one service that holds or receives personal data.
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
	// allowedNamespaces, besides the service's own, may refer to the service. Omitted means no other.
	// +optional
	AllowedNamespaces *NamespaceSelector `json:"allowedNamespaces,omitempty"`
	// endpoints of the service, at most 64. Calls to anything else are denied.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Endpoints []Endpoint `json:"endpoints,omitempty"`
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
