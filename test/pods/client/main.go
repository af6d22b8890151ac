// Command client does the steps of ../README.md with SendGrid's own SDK for Go, which is why it is a module of its own.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/sendgrid/rest"
	"github.com/sendgrid/sendgrid-go"
	"github.com/sendgrid/sendgrid-go/helpers/mail"
)

func env(name string) string { return os.Getenv(name) }

// message has one personalization for each list of addresses.
func message(subject string, personalizations ...[]string) *mail.SGMailV3 {
	m := mail.NewV3Mail()
	m.SetFrom(mail.NewEmail("", "post@gartenhaus.example"))
	m.Subject = subject + " " + env("NAME")
	m.SetTemplateID("d-newsletter")
	on := true
	m.SetTrackingSettings(&mail.TrackingSettings{OpenTracking: &mail.OpenTrackingSetting{Enable: &on}, ClickTracking: &mail.ClickTrackingSetting{Enable: &on}})
	for _, addresses := range personalizations {
		p := mail.NewPersonalization()
		for _, a := range addresses {
			p.AddTos(mail.NewEmail("", a))
		}
		m.AddPersonalizations(p)
	}
	return m
}

func print(step string, status int, detail string) {
	line, _ := json.Marshal(map[string]any{"step": step, "status": status, "detail": detail})
	fmt.Println(string(line))
}

func step(name string, r *rest.Response, err error) {
	if err != nil {
		print(name, 0, err.Error())
		return
	}
	print(name, r.StatusCode, r.Body)
}

func call(method rest.Method, path string) (*rest.Response, error) {
	r := sendgrid.GetRequest(env("KEY"), path, "https://api.sendgrid.com")
	r.Method = method
	return sendgrid.API(r)
}

func main() {
	client := sendgrid.NewSendClient(env("KEY"))
	send := func(name string, m *mail.SGMailV3) {
		r, err := client.Send(m)
		step(name, r, err)
	}
	allowed, also, refused := env("ALLOWED"), env("ALSO"), env("REFUSED")
	send("send", message("news", []string{allowed}, []string{refused}, []string{also, refused}))
	batch(client, message("batch", []string{allowed}))
	r, err := call(rest.Get, "/v3/marketing/contacts")
	step("contacts", r, err)
	send("refused", message("refused", []string{refused}))
	nobody := message("complaint", []string{allowed})
	nobody.From = nil
	send("complaint", nobody)
	r, err = call(rest.Get, "/v3/api_keys")
	step("undeclared", r, err)
	send("busy", message("busy once", []string{allowed}))
	send("busy", message("busy once", []string{allowed}))
	send("lost", message("lost once", []string{allowed}))
}

func batch(client *sendgrid.Client, m *mail.SGMailV3) {
	created, err := call(rest.Post, "/v3/mail/batch")
	if err != nil {
		step("batch", nil, err)
		return
	}
	var b struct {
		ID string `json:"batch_id"`
	}
	_ = json.Unmarshal([]byte(created.Body), &b)
	m.SetBatchID(b.ID)
	r, err := client.Send(m)
	if err != nil {
		step("batch", nil, err)
		return
	}
	print("batch", r.StatusCode, strconv.Itoa(created.StatusCode))
}
