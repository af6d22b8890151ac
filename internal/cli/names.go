package cli

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/optup/optup/api/v1alpha1"
)

// OperatorNamespace is where the operator is installed unless somebody says otherwise.
const OperatorNamespace = "optup-system"

// Names of what the chart installs and the operator makes. A test compares them with both.
const (
	managerName     = "optup-manager"
	webhookService  = "optup-webhook"
	tokenKeysRole   = "optup-manager-token-keys"
	ownPolicy       = "optup-own"
	dashboardConfig = "optup-dashboard"
	alertsConfig    = "optup-alerts"
	caSecret        = "optup-ca"
	grantSecret     = "optup-grant-keys"
	ledgerLabel     = "consent.optup.dev/ledger"
	managedByLabel  = "app.kubernetes.io/managed-by"
	managedByOptUp  = "optup"
	ledgerPort      = 8443
	mutatingWebhook = "inject.consent.optup.dev"
	verifyWebhook   = "verify.consent.optup.dev"
)

// kinds are those of the API, by resource. The ledgers' comes last: without it they would stop.
var kinds = []struct{ kind, resource string }{
	{v1alpha1.KindEnforcementExemption, "enforcementexemptions"},
	{v1alpha1.KindConsentPolicy, "consentpolicies"},
	{v1alpha1.KindTouchpoint, "touchpoints"},
	{v1alpha1.KindDataService, "dataservices"},
	{v1alpha1.KindConsentNotice, "consentnotices"},
	{v1alpha1.KindDataPurpose, "datapurposes"},
	{v1alpha1.KindSidecarConfig, "sidecarconfigs"},
	{v1alpha1.KindConsentLedger, ledgerResource},
}

const ledgerResource = "consentledgers"

func definitionName(resource string) string { return resource + "." + v1alpha1.GroupVersion.Group }

var definitionKind = schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}

// oneLine makes a text fit for a list.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), " ")
}

// named gives "namespace/name", or the name alone.
func named(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}
