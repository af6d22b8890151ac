# The steps of ../README.md with curl, for a shell that has no other program. The argument is an option of curl more, such as --http1.1.
base=https://api.sendgrid.com/v3
tracking='"tracking_settings":{"open_tracking":{"enable":true},"click_tracking":{"enable":true}}'

# call METHOD PATH [BODY]: status and body of the answer, in $status and $body; status 000 is none.
call() {
  set -- "$option" "$@"
  if [ $# -ge 4 ]; then
    answer=$(curl $1 -sS -m 30 -X "$2" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' --data-binary "$4" -w '\n%{http_code}' "$base$3" 2>&1)
  else
    answer=$(curl $1 -sS -m 30 -X "$2" -H "Authorization: Bearer $KEY" -w '\n%{http_code}' "$base$3" 2>&1)
  fi
  status=${answer##*
}
  body=${answer%
*}
}

# quoted: the text as the inside of a JSON string; our answers hold no control character but line ends.
quoted() {
  rest=$1 out=
  while [ -n "$rest" ]; do
    c=${rest%"${rest#?}"} rest=${rest#?}
    case $c in
      \\ | \") out=$out\\$c ;;
      '
') ;;
      *) out=$out$c ;;
    esac
  done
}

step() {
  name=$1
  shift
  call "$@"
  quoted "$body"
  printf '{"step":"%s","status":%d,"detail":"%s"}\n' "$name" "${status#"${status%%[1-9]*}"}" "$out"
}

to() { printf '{"to":[{"email":"%s"}]}' "$1"; }

mail() {
  printf '{"from":{"email":"post@gartenhaus.example"},"subject":"%s","template_id":"d-newsletter","personalizations":[%s],%s%s}' "$1" "$2" "$tracking" "$3"
}

option=$1
step send POST /mail/send "$(mail "news $NAME" "$(to "$ALLOWED"),$(to "$REFUSED"),{\"to\":[{\"email\":\"$ALSO\"},{\"email\":\"$REFUSED\"}]}")"
call POST /mail/batch
created=$status id=${body#*\"batch_id\":\"}
call POST /mail/send "$(mail "batch $NAME" "$(to "$ALLOWED")" ",\"batch_id\":\"${id%%\"*}\"")"
printf '{"step":"batch","status":%d,"detail":"%s"}\n' "$status" "$created"
step contacts GET /marketing/contacts
step refused POST /mail/send "$(mail "refused $NAME" "$(to "$REFUSED")")"
step complaint POST /mail/send "{\"subject\":\"complaint $NAME\",\"template_id\":\"d-newsletter\",\"personalizations\":[$(to "$ALLOWED")],$tracking}"
step undeclared GET /api_keys
step busy POST /mail/send "$(mail "busy once $NAME" "$(to "$ALLOWED")")"
step busy POST /mail/send "$(mail "busy once $NAME" "$(to "$ALLOWED")")"
step lost POST /mail/send "$(mail "lost once $NAME" "$(to "$ALLOWED")")"
