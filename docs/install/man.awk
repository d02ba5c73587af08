# A manual page from what a program says with --help.
#     starling-cli --help | awk -v name=starling-cli -v also="starling-server(1)" -f man.awk
#
# Lines at the left margin that end a paragraph of options are headings; lines indented by two blanks
# are options, with their meaning behind two blanks or more.
function escape(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.']/, "\\\\\\&&", text)
    return text
}
NR == 1 {
    summary = $0
    sub(/^[^ ]+ [^ ]+( - )?/, "", summary)
    if (summary == "") summary = "commands, management and load for any server that speaks RESP"
    printf ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.nf\n", toupper(name), escape(name), escape(summary)
    part = "synopsis"
    next
}
part == "synopsis" && /^Usage: / { sub(/^Usage: /, ""); usage = 1; print escape($0); next }
part == "synopsis" && usage && /^  +[^ ]/ { sub(/^ +/, ""); print escape($0); next }
part == "synopsis" && usage { print ".fi\n.SH DESCRIPTION"; part = "text" }
/^$/ { blank = 1; next }
/^  +-/ {
    line = $0
    sub(/^ +/, "", line)
    at = match(line, /  +/)
    option = at ? substr(line, 1, at - 1) : line
    meaning = at ? substr(line, at + RLENGTH) : ""
    # An option with its meaning one blank behind its values.
    print ".TP\n.B " escape(option)
    if (meaning != "") print escape(meaning)
    blank = 0
    next
}
/^    +/ { sub(/^ +/, ""); print escape($0); next }
/^  / { sub(/^ +/, ""); print ".br\n" escape($0); next }
blank && /^[A-Z][A-Za-z ]*:?$/ { sub(/:$/, ""); print ".SH " escape($0); blank = 0; next }
{ if (blank) print ".PP"; print escape($0); blank = 0 }
END { printf ".SH SEE ALSO\n%s\n", escape(also) }
