package webhook

import (
	"bytes"
	"os"
	"path/filepath"
	"text/template"

	sprig "github.com/go-task/slim-sprig/v3"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"
)

// chart is the chart that installs OptUp, and releaseNamespace where it does.
var chart = filepath.Join("..", "..", "charts", "optup")

const releaseNamespace = "optup-system"

// configurations are those that the chart installs, so that selectors and rules are tested as they are shipped.
func configurations() ([]*admissionv1.MutatingWebhookConfiguration, []*admissionv1.ValidatingWebhookConfiguration) {
	GinkgoHelper()
	mutating, validating := &admissionv1.MutatingWebhookConfiguration{}, &admissionv1.ValidatingWebhookConfiguration{}
	parts := bytes.Split(render("webhooks.yaml"), []byte("\n---\n"))
	Expect(parts).To(HaveLen(2))
	Expect(yaml.UnmarshalStrict(parts[0], mutating)).To(Succeed())
	Expect(yaml.UnmarshalStrict(parts[1], validating)).To(Succeed())
	Expect(mutating.Webhooks).To(HaveLen(1))
	Expect(validating.Webhooks).To(HaveLen(1))
	Expect(*mutating.Webhooks[0].ClientConfig.Service.Path).To(Equal(MutatePath))
	Expect(*validating.Webhooks[0].ClientConfig.Service.Path).To(Equal(ValidatePath))
	return []*admissionv1.MutatingWebhookConfiguration{mutating}, []*admissionv1.ValidatingWebhookConfiguration{validating}
}

// render fills in a template of the chart with its default values, as Helm does.
func render(name string) []byte {
	GinkgoHelper()
	values, about := map[string]any{}, map[string]any{}
	for file, into := range map[string]*map[string]any{"values.yaml": &values, "Chart.yaml": &about} {
		text, err := os.ReadFile(filepath.Join(chart, file))
		Expect(err).NotTo(HaveOccurred())
		Expect(yaml.Unmarshal(text, into)).To(Succeed())
	}
	all := template.New("").Funcs(sprig.TxtFuncMap())
	all.Funcs(template.FuncMap{"include": func(name string, data any) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}})
	for _, file := range []string{"_helpers.tpl", name} {
		text, err := os.ReadFile(filepath.Join(chart, "templates", file))
		Expect(err).NotTo(HaveOccurred())
		_, err = all.New(file).Parse(string(text))
		Expect(err).NotTo(HaveOccurred())
	}
	var out bytes.Buffer
	Expect(all.ExecuteTemplate(&out, name, map[string]any{
		"Values":  values,
		"Release": map[string]any{"Name": "optup", "Namespace": releaseNamespace},
		"Chart":   map[string]any{"Name": about["name"], "AppVersion": about["appVersion"], "Version": about["version"]},
	})).To(Succeed())
	return out.Bytes()
}
