package intercept

import (
	"encoding/asn1"
	"unicode/utf16"
)

var (
	oidData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidCertBag     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendly    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidTrustedKeys = asn1.ObjectIdentifier{2, 16, 840, 1, 113894, 746875, 1, 1}
	oidAnyUsage    = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
)

type (
	pfx struct {
		Version int
		Safe    contentInfo
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue         `asn1:"tag:0,explicit"`
		Attributes []pkcs12AttributeData `asn1:"set"`
	}
	certBag struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
	pkcs12AttributeData struct {
		ID     asn1.ObjectIdentifier
		Values asn1.RawValue `asn1:"set"`
	}
)

// PKCS12 writes authorities (DER) as a trust store for Java, without a password: they are public. Java takes a certificate for an
// authority only if an attribute of its own says what it is trusted for (JDK, sun.security.pkcs12.PKCS12KeyStore).
func PKCS12(authorities [][]byte) ([]byte, error) {
	bags := make([]safeBag, 0, len(authorities))
	for _, der := range authorities {
		data, err := asn1.Marshal(certBag{oidX509, der})
		if err != nil {
			return nil, err
		}
		name, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagBMPString, Bytes: bmp(ID(der))})
		if err != nil {
			return nil, err
		}
		usage, err := asn1.Marshal(oidAnyUsage)
		if err != nil {
			return nil, err
		}
		bags = append(bags, safeBag{
			ID: oidCertBag, Value: explicit(data),
			Attributes: []pkcs12AttributeData{{oidFriendly, set(name)}, {oidTrustedKeys, set(usage)}},
		})
	}
	contents, err := asn1.Marshal(bags)
	if err != nil {
		return nil, err
	}
	inner, err := data(contents)
	if err != nil {
		return nil, err
	}
	safe, err := asn1.Marshal([]contentInfo{inner})
	if err != nil {
		return nil, err
	}
	outer, err := data(safe)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(pfx{3, outer})
}

// data wraps bytes that are not encrypted.
func data(content []byte) (contentInfo, error) {
	octets, err := asn1.Marshal(content)
	return contentInfo{oidData, explicit(octets)}, err
}

func explicit(content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: content}
}

func set(content []byte) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: content}
}

func bmp(s string) (out []byte) {
	for _, r := range utf16.Encode([]rune(s)) {
		out = append(out, byte(r>>8), byte(r)) //nolint:gosec // two bytes of sixteen bits
	}
	return out
}
