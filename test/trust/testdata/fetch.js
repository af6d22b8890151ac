fetch(process.argv[2]).then((answer) => answer.text()).then(console.log, (e) => {
  console.error(e);
  process.exit(1);
});
