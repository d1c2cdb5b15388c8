# Creates a manual page from the help that a program prints.
#   awk -v name=cie-virtual -v version=1.2.3 -v title=TITLE -v short=SENTENCE
#       -v NAME=NAME -v DESCRIPTION=DESCRIPTION -v SEE="SEE ALSO" -f help2man.awk
# A line that begins at the margin and ends with a colon is a heading. Below it, lines
# that begin with an option form a list; other lines are copied.

function roff(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	gsub(/"/, "\\(dq", s)
	gsub(/'/, "\\(aq", s)
	gsub(/`/, "\\(ga", s)
	gsub(/\^/, "\\(ha", s)
	gsub(/~/, "\\(ti", s)
	return s ~ /^\./ ? "\\&" s : s
}
function literal(on) {
	if (on != lit) print on ? ".nf" : ".fi"
	lit = on
}
BEGIN {
	printf ".TH \"%s\" 1 \"\" \"%s\" \"%s\"\n", toupper(name), roff("cie " version), roff(title)
	printf ".SH \"%s\"\n%s \\- %s\n.SH \"%s\"\n", NAME, roff(name), roff(short), DESCRIPTION
}
/^[^ ].*:$/ {
	literal(0)
	sub(/:$/, "")
	printf ".SH \"%s\"\n", roff(toupper($0))
	below = 1
	next
}
/^ +(-[a-z], )?--[a-z]/ {
	literal(0)
	line = $0
	sub(/^ +/, "", line)
	at = match(line, /   +/)
	print ".TP"
	printf "\\fB%s\\fR\n%s\n", roff(substr(line, 1, at - 1)), roff(substr(line, at + RLENGTH))
	next
}
/^$/ { if (!below) print ".PP"; next }
{
	literal(below)
	sub(/^  /, "")
	print roff($0)
}
END {
	literal(0)
	printf ".SH \"%s\"\n\\fBcie\\fR(1),\n\\fBpcscd\\fR(8)\n", SEE
}
