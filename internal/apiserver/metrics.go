package apiserver

import "net/http"

// Metrics lets those who may read the API read the metrics too, for these name servers.
func Metrics(access Access, metrics http.Handler) http.Handler {
	return quiet(admit(access, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := lacks(r.Context(), viewer); p != nil {
			writeProblem(w, p)
			return
		}
		metrics.ServeHTTP(w, r)
	})))
}

// route notes a request's route on it for whoever measures around next, also for a caller who is not let in. The
// handlers below work on copies of the request, so what the mux notes is not seen outside.
func route(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, r.Pattern = mux.Handler(r)
		next.ServeHTTP(w, r)
	})
}
