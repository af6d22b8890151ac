package controllers

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/optup/optup/api/v1alpha1"
)

// Volumes of Secrets that a ledger needs for mail.
const (
	mailCredentials = "mail-credentials"
	mailAuthorities = "mail-authorities"
)

// pagesArgs have a ledger serve people.
func pagesArgs(l *v1alpha1.ConsentLedger) []string {
	if l.Spec.Pages == nil {
		return nil
	}
	args := []string{"--pages", fmt.Sprintf(":%d", pagesPort), "--public-url", l.Spec.Pages.PublicURL}
	if len(l.Spec.Pages.Proxies) > 0 {
		var proxies []string
		for _, p := range l.Spec.Pages.Proxies {
			proxies = append(proxies, string(p))
		}
		args = append(args, "--pages-proxies", strings.Join(proxies, ","))
	}
	return args
}

// mailArgs have a ledger send mail.
func mailArgs(l *v1alpha1.ConsentLedger) []string {
	m := l.Spec.Mail
	if m == nil {
		return nil
	}
	mode := "starttls"
	if m.TLS == v1alpha1.MailTLSImplicit {
		mode = "tls"
	}
	args := []string{"--smtp-server", m.Server, "--smtp-from", m.From, "--smtp-tls", mode}
	if ref := m.CredentialsSecretRef; ref != nil {
		args = append(args, "--smtp-credentials", "/etc/optup/"+mailCredentials+"/"+ref.Key)
	}
	if ref := m.AuthoritiesSecretRef; ref != nil {
		args = append(args, "--smtp-trust", "/etc/optup/"+mailAuthorities+"/"+ref.Key)
	}
	return args
}

// mailVolumes hold of each Secret the one key that the ledger reads. They are folders, because a file that is mounted alone does not change with its Secret.
func mailVolumes(l *v1alpha1.ConsentLedger) []corev1.Volume {
	if l.Spec.Mail == nil {
		return nil
	}
	var volumes []corev1.Volume
	for _, v := range []struct {
		name string
		ref  *v1alpha1.SecretKeyReference
	}{{mailCredentials, l.Spec.Mail.CredentialsSecretRef}, {mailAuthorities, l.Spec.Mail.AuthoritiesSecretRef}} {
		if v.ref == nil {
			continue
		}
		mode := int32(0o440)
		volumes = append(volumes, corev1.Volume{Name: v.name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: string(v.ref.Name), DefaultMode: &mode, Items: []corev1.KeyToPath{{Key: v.ref.Key, Path: v.ref.Key}},
		}}})
	}
	return volumes
}
