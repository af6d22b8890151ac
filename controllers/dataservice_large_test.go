package controllers

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/optup/optup/api/v1alpha1"
)

// The rules of validation cost time for each element of each list. The API server gives every object a budget; an API in full breadth
// has to stay within it.
var _ = Describe("A DataService with 256 endpoints", func() {
	It("is accepted, also when it changes", func() {
		w := newWorld("enforce")
		d := w.mail()
		d.Spec.Endpoints = nil
		for i := range 256 {
			e := v1alpha1.Endpoint{
				Name: v1alpha1.EndpointName(fmt.Sprintf("endpoint-%d", i)), Methods: []v1alpha1.Method{"GET", "POST"}, Path: fmt.Sprintf("/v3/of/many/parts/{account}/%d/{id}", i),
				Processing: []v1alpha1.Processing{v1alpha1.ProcessingSend}, Channel: v1alpha1.ChannelEmail, Request: &v1alpha1.RequestBody{}, Response: &v1alpha1.ResponseBody{},
			}
			e.Request.Addressees = []v1alpha1.AddresseeList{{
				Identifies: v1alpha1.Identifies{Type: v1alpha1.IdentifierEmail}, Each: "/personalizations/*/to/*", Identifier: "/email", Unit: "/personalizations/*",
			}}
			for j := range 24 {
				pointer := v1alpha1.Pointer(fmt.Sprintf("/personalizations/*/to/*/field_%d", j))
				e.Request.Fields = append(e.Request.Fields, v1alpha1.PersonalField{Pointer: pointer, Category: "pd:EmailAddress"})
				e.Response.NotPersonal = append(e.Response.NotPersonal, v1alpha1.BodyPointer(pointer))
			}
			d.Spec.Endpoints = append(d.Spec.Endpoints, e)
		}
		create(d)
		change(d, func(d *v1alpha1.DataService) { d.Spec.Endpoints[7].Methods = []v1alpha1.Method{"PUT"} })
		Expect(k8s.Update(ctx, d, client.DryRunAll)).To(Succeed())
	})
})
