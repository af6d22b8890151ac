package shop

// Templates of the mail provider.
const (
	TemplateNewsletter = "d-newsletter"
	TemplateCustomers  = "d-customers"
	TemplateInvoice    = "d-invoice"
)

// templates are the titles of the templates that the mail provider knows.
var templates = map[string]string{
	TemplateNewsletter: "Neues aus dem Gartenhaus",
	TemplateCustomers:  "Für unsere Kunden",
	TemplateInvoice:    "Ihre Rechnung",
}

// mailbox is an address, with the name of whom it belongs to.
type mailbox struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

// personalization is one mail of a request: everybody in it sees the others in To and CC.
type personalization struct {
	To  []mailbox `json:"to"`
	CC  []mailbox `json:"cc,omitempty"`
	BCC []mailbox `json:"bcc,omitempty"`
}

// content is one part of a mail's body.
type content struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// sendRequest is the body of POST /v3/mail/send, in the shape that mail providers have made common.
type sendRequest struct {
	Personalizations []personalization `json:"personalizations"`
	From             mailbox           `json:"from"`
	Subject          string            `json:"subject,omitempty"`
	TemplateID       string            `json:"template_id"`
	Content          []content         `json:"content,omitempty"`
}

// maxPersonalizations is how many mails one request may hold.
const maxPersonalizations = 1000

// shopMailbox is whom the mails come from.
var shopMailbox = mailbox{Email: "post@gartenhaus.example", Name: "Gartenhaus Grün"}
