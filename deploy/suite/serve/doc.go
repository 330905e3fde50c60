// Command serve runs one suite on free ports and an empty folder for a program
// in another language: it prints a line of JSON when the suite is ready
// (`{"url": …, "data": …}`), and stops it and removes the folder when its
// standard input is closed, however the other program ends.
//
//	serve BINARY [key=value …]
package main
