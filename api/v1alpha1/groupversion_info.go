package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "consent.optup.dev", Version: "v1alpha1"}

// SchemeBuilder registers the kinds of this package; AddToScheme does so on a given scheme.
var (
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	AddToScheme   = SchemeBuilder.AddToScheme
)

// Names of the kinds.
const (
	KindDataPurpose          = "DataPurpose"
	KindConsentNotice        = "ConsentNotice"
	KindDataService          = "DataService"
	KindConsentPolicy        = "ConsentPolicy"
	KindTouchpoint           = "Touchpoint"
	KindConsentLedger        = "ConsentLedger"
	KindEnforcementExemption = "EnforcementExemption"
	KindSidecarConfig        = "SidecarConfig"
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&DataPurpose{}, &DataPurposeList{},
		&ConsentNotice{}, &ConsentNoticeList{},
		&DataService{}, &DataServiceList{},
		&ConsentPolicy{}, &ConsentPolicyList{},
		&Touchpoint{}, &TouchpointList{},
		&ConsentLedger{}, &ConsentLedgerList{},
		&EnforcementExemption{}, &EnforcementExemptionList{},
		&SidecarConfig{}, &SidecarConfigList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// Resource gives the group resource of a plural name, for example "datapurposes".
func Resource(resource string) schema.GroupResource {
	return GroupVersion.WithResource(resource).GroupResource()
}
