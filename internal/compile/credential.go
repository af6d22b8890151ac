package compile

// credential checks what is inserted into requests, and warns where it goes out for everybody on the way to read. A service whose
// credential cannot be inserted stays governed, and nothing is sent to it: without endpoints every request is denied.
func (c *compiler) credential(s *service) {
	if s.Credential == nil {
		return
	}
	declared := *s.Credential
	if o := declared.OAuth2; o != nil {
		tokens := *o
		tokens.Scopes = sortedSet(o.Scopes)
		declared.OAuth2 = &tokens
	}
	s.Credential = &declared
	if err := enforceable(&s.Service.Service, nil); err != nil {
		c.findings.error(s.ref(), "spec.credential", InvalidCredential, "The credential cannot be inserted, so every request to the service is denied (%v). Correct it.", err)
		s.Credential, s.Endpoints = nil, nil
		return
	}
	for _, p := range s.Ports {
		if p.Protocol == "HTTP" && p.TLSPort == 0 {
			c.findings.warn(s.ref(), "spec.credential", CredentialInPlain,
				"The sidecar speaks plain HTTP to port %d, so that whoever is on the way can read the credential. Take tls mode Originate or Intercept.", p.Port)
		}
	}
}
