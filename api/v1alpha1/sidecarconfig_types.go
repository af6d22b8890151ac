package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SidecarConfigDisplay is what people read in lists; nothing depends on it.
type SidecarConfigDisplay struct {
	// workload as Kind/name, for example Deployment/dashboard.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Workload string `json:"workload,omitempty"`
	// purposes joined by commas, cut at 256 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Purposes string `json:"purposes,omitempty"`
}

// SidecarConfigSpec is the bundle of one workload as published by the leader.
// +kubebuilder:validation:XValidation:rule="self.generation >= oldSelf.generation",message="the generation of a published bundle never goes back"
// +kubebuilder:validation:XValidation:rule="self.workload == oldSelf.workload",message="a SidecarConfig belongs to one workload for good"
type SidecarConfigSpec struct {
	// workload that the bundle is for.
	// +required
	Workload WorkloadRef `json:"workload"`
	// labels are those of the workload's pod labels that selectors of policies use, at most 64; pods of one workload that differ in
	// them have bundles of their own.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]string `json:"labels,omitempty"`
	// generation of the bundle, from 1. It grows with every change and never goes back.
	// +required
	// +kubebuilder:validation:Minimum=1
	Generation int64 `json:"generation"`
	// hash of the bundle: SHA-256 of its bytes, in lower-case hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	Hash string `json:"hash"`
	// bundle as canonical JSON, at most 262144 bytes; 786432 for a ConsentLedger, because its words for people are in it.
	// +required
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=786432
	Bundle string `json:"bundle"`
	// purposes in the bundle, sorted, at most 256.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Purposes []ObjectName `json:"purposes,omitempty"`
	// display is what people read in lists; nothing depends on it.
	// +optional
	Display *SidecarConfigDisplay `json:"display,omitempty"`
}

// CaptureMode is how an application's connections come to the sidecar.
// +kubebuilder:validation:Enum=Redirect;Alias
type CaptureMode string

// Capture modes.
const (
	CaptureRedirect CaptureMode = "Redirect"
	CaptureAlias    CaptureMode = "Alias"
)

// SidecarConfigCapture is how connections of the workload's pods come to their sidecars, and what does not.
type SidecarConfigCapture struct {
	// modes by which the running pods are captured: Redirect changes where connections go in the pod's network; Alias has the names of
	// governed hosts lead to the sidecar.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Modes []CaptureMode `json:"modes"`
	// notCovered are sentences about what the capture of these pods does not cover, at most 16. Those that begin with Cooperative tell
	// what lets an application get around its sidecar.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=512
	NotCovered []string `json:"notCovered,omitempty"`
	// restartNeeded are sentences about what was declared after running pods were made, at most 16. It holds for them once they are
	// made anew.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=512
	RestartNeeded []string `json:"restartNeeded,omitempty"`
}

// SidecarConfigStatus is which sidecars run the bundle.
type SidecarConfigStatus struct {
	// conditions: Programmed, Ready, Captured, and Trusted once applications did not accept the certificates of sidecars.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the object that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// running is how many sidecars of the workload run.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Running int32 `json:"running"`
	// inSync is how many of them have acknowledged the newest bundle.
	// +optional
	// +kubebuilder:validation:Minimum=0
	InSync int32 `json:"inSync"`
	// oldestGeneration of a bundle that some running sidecar has in force; 0 if none runs.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OldestGeneration int64 `json:"oldestGeneration,omitempty"`
	// ready is inSync/running as people read it, for example 2/2.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Ready string `json:"ready,omitempty"`
	// capture is how the connections of the running pods come to their sidecars; absent while none runs, and for a ConsentLedger.
	// +optional
	Capture *SidecarConfigCapture `json:"capture,omitempty"`
}

// SidecarConfig is the compiled bundle of one workload. The manager writes it; people read it.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=scfg,categories=optup
// +kubebuilder:printcolumn:name="Workload",type=string,JSONPath=`.spec.display.workload`
// +kubebuilder:printcolumn:name="Purposes",type=string,JSONPath=`.spec.display.purposes`
// +kubebuilder:printcolumn:name="Generation",type=integer,JSONPath=`.spec.generation`
// +kubebuilder:printcolumn:name="In Sync",type=string,JSONPath=`.status.ready`
// +kubebuilder:printcolumn:name="Captured",type=string,JSONPath=`.status.conditions[?(@.type=="Captured")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SidecarConfig struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// spec is what was published.
	// +required
	Spec SidecarConfigSpec `json:"spec"`
	// status is which sidecars run it.
	// +optional
	Status SidecarConfigStatus `json:"status,omitzero"`
}

// SidecarConfigList is a list of published bundles.
// +kubebuilder:object:root=true
type SidecarConfigList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []SidecarConfig `json:"items"`
}
