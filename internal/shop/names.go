package shop

import "strings"

// firstNames and lastNames are common ones of the people who live in German cities. Those whose usual spelling in an address is
// not the plain one letter by letter follow a colon.
var firstNames = strings.Fields(`
	Anna Bernd Claudia Dieter Emma Felix Greta Hans Ingrid Jürgen Käthe Lukas Mia Niklas Ömer:oemer Paula Quirin Renate Sören Tanja Uwe
	Vera Wolfgang Xenia Yannick Zoë:zoe Björn Jörg Günter Bärbel André Chloé Élodie François Joséphine Noël:noel İbrahim Ayşe Gülsüm
	Mehmet Fatma Çağla Agnieszka Łukasz Małgorzata Paweł Zofia Olga Dmitri Svetlana Alexej Giovanni Giulia Niccolò Sofía Joaquín Íñigo
	Núria João Inês Mária Péter Zsófia István Åsa Øyvind Søren Freja Sinéad Oisín Aoife Nguyễn:nguyen Thảo:thao Linh Haruka Kenji Wei
	Xiaoming Priya Arjun Fatima Yusuf Leïla:leila Amadou Chidi Ngozi Māra Jānis Dušan Željka Žiga Ştefan Ioana Élise Moritz`)

var lastNames = strings.Fields(`
	Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann
	Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Krause Meier Lehmann Köhler Herrmann König Walter Mayer
	Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller Günther Frank Berger Winkler Roth Beck
	Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß
	Seidel Heinrich Brandt Haas Schreiber Graf Schulte Dietrich Ziegler Kuhn Kühn Pohl Engel Horn Busch Bergmann Thomas Voigt Sauer
	Yılmaz Öztürk Şahin Çelik Kaya Demir Nowak Kowalski Wójcik Kamiński Lewandowska Ivanova Petrov Rossi Bianchi D’Angelo:dangelo
	García Fernández Núñez Gonçalves Nagy Szabó Kovács Andersson Sørensen Østergaard Ångström O’Brien:obrien Trần:tran Phạm:pham Satō
	Chen Singh Al-Masri N’Diaye:ndiaye Okafor Bērziņš Novák Dvořák Horvat Šimić Popescu van-der-Berg Lefèvre Müller-Lüdenscheidt`)

// mailDomains are reserved for examples (RFC 2606): nothing that is sent there reaches anybody.
var mailDomains = strings.Fields(`example.org example.com example.net mail.example web.example post.example firma.example`)

var plainLetters = strings.NewReplacer(
	"ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "Ä", "ae", "Ö", "oe", "Ü", "ue", "å", "a", "Å", "a", "ø", "oe", "Ø", "oe",
	"é", "e", "É", "e", "è", "e", "ê", "e", "ç", "c", "Ç", "c", "ğ", "g", "ş", "s", "Ş", "s", "ı", "i", "İ", "i", "ł", "l", "Ł", "l",
	"ń", "n", "ñ", "n", "ò", "o", "ó", "o", "ō", "o", "í", "i", "Í", "i", "á", "a", "ã", "a", "ā", "a", "ú", "u", "ē", "e", "ņ", "n",
	"š", "s", "Š", "s", "ž", "z", "Ž", "z", "ć", "c", "ř", "r",
)

// spelling splits an entry of the lists above into the name as people write it and as it stands in their addresses.
func spelling(entry string) (name, address string) {
	name, address, found := strings.Cut(entry, ":")
	if !found {
		address = plainLetters.Replace(name)
	}
	return name, strings.ToLower(address)
}
