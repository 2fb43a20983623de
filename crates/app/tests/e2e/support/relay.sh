# A server whose pipes the test plays: port $1 gets three connections, for its input, its output and its standard error.
# SIGUSR1 makes it exit in the middle of something.
# What came in on standard input is preceded by the process id and a line end.
exec 3<>"/dev/tcp/127.0.0.1/$1" 4<>"/dev/tcp/127.0.0.1/$1" 5<>"/dev/tcp/127.0.0.1/$1" || exit 99
trap 'exit "${RELAY_STATUS:-0}"' USR1
echo $$ >&3
cat <&4 3>&- 4>&- 5>&- &
cat <&5 >&2 3>&- 4>&- 5>&- &
exec 4>&- 5>&-
cat <&0 >&3 &
exec 3>&-
wait
exit "${RELAY_STATUS:-0}"
