package store

// CheckPostgresURL says what is wrong with a database's URL. It connects to nothing, and no error says the password.
func CheckPostgresURL(address string) error {
	_, err := parsePostgres(address)
	return err
}
