require('https').get(process.argv[2], (answer) => answer.pipe(process.stdout)).on('error', (e) => {
  console.error(e);
  process.exit(1);
});
