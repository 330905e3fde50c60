// Command gen writes table.gen.go, the tables of Unicode UTS 39 that user names are held against: which characters may
// stand in an identifier, and of which other one each of them is a look-alike.
//
// Owns: the choice of what is needed. Trusts: the data of UTS 39 18.0 (unicode.org/Public/security; UNICODE-LICENSE.txt), in the form
// of tables: code point, tab, prototype by spaces; first, tab, last. Hands over: Go source, by `go generate` in the folder
// above, which is committed.
package main
